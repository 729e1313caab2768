"""A job's log against that of its last green run, before the page; a line of it leads back to the log."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.tui.presenters.diff import diff_prop
from engine.core.errors import EngineError
from widgets.diff_screen import DiffProp, DiffScreen, Lines

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

AT_ONCE = 64 * 1024  # bytes of a fold that are opened by one key
PREVIOUS = "previous"


def compare(ui: "TreadleApp", job: int, name: str, attempt: int, open_at: Callable[[int], None]) -> None:
    """Compare an attempt's log, the failed step first; `open_at` shows a byte of it."""
    client, title = ui.session.client, f"{name} (j{job}), attempt {attempt}"

    def twin(step: int | None, before: bool) -> str:
        words = [f"treadle diff j{job} --attempt {attempt}"]
        words += [f"--step {step}"] if step is not None else []
        return " ".join([*words, *(["--against previous"] if before else [])])

    async def load(step: int | None, before: bool) -> DiffProp:
        query = {"attempt": attempt, "step": step, "against": PREVIOUS if before else None}
        try:
            told = await ui.ask(client.get, f"/jobs/{job}/diff", query)
        except EngineError as error:
            return DiffProp(title, trouble=str(error), step=step, twin=twin(step, before))
        return diff_prop(told, twin(step, before))

    async def read(start: int, end: int) -> Lines:
        try:
            data = await ui.ask(
                client.read, f"/jobs/{job}/logs", {"attempt": attempt}, start, min(end, start + AT_ONCE)
            )
        except EngineError as error:
            return Lines((), trouble=str(error))
        whole = data[: data.rfind(b"\n") + 1] or data  # a line that is longer is shown in part, and stays folded
        lines = whole.decode("utf-8", "replace").split("\n")
        return Lines(lines[:-1] if whole.endswith(b"\n") else lines, len(whole))

    screen = DiffScreen(load, read, title=title, twin=twin(None, False), ascii=ui.ascii)
    ui.push_screen(screen, lambda offset: None if offset is None else open_at(offset))
