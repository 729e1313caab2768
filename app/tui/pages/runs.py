"""The runs of all repositories, newest first: where one begins."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.client import Change
from app.tui import pressing
from app.tui.actions import NAMED, PIN, UNPIN
from app.tui.beginning import begin, ways
from app.tui.explaining import explain
from app.tui.list_page import ListPage
from app.tui.presenters import runs as presenter
from app.tui.session import Mode
from engine.core.states import RUN_FINAL
from widgets.first_steps import FirstSteps
from widgets.row_list import Row, RowList

MOST = 500  # that an engine tells at once


class RunsPage(ListPage):
    WORD = "Runs"
    COLUMNS = presenter.COLUMNS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "act('retry_run')", "run again, all", show=False, id="run.retry"),
        Binding("R", "act('retry_failed')", "failed only", show=False, id="run.retry_failed"),
        Binding("c", "act('cancel_run')", "cancel (again: now)", show=False, id="run.cancel"),
        Binding("a", "act('approve')", "approve", show=False, id="run.approve"),
        Binding("d", "dispatch", "start one", id="run.dispatch"),
        Binding("p", "pin", "pin or unpin", show=False, id="run.pin"),
        Binding("x", "explain", "why it is as it is", show=False, id="run.explain"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[dict[str, Any]] = []

    async def fetch(self) -> None:
        get = self.ui.session.client.get
        runs: list[dict[str, Any]] = []
        while (wanted := min(self.wanted - len(runs), MOST)) > 0:
            told = await self.ask(get, "/runs", {"limit": wanted, "before": runs[-1]["id"] if runs else None})
            runs += told["runs"]
            self.ui.began(told["sequence"])
            if len(told["runs"]) < wanted:
                break
        self.runs, self.more = runs, len(runs) >= self.wanted

    def rows(self) -> Sequence[Row]:
        return presenter.run_rows(self.runs, self.ui.session.here, self.clock.now(), self.ui.ascii)

    def present(self) -> None:
        several = presenter.has_several_repos(self.runs)
        columns = presenter.WITH_REPO if several else presenter.COLUMNS
        if self.list.columns != columns:
            self.list.columns = columns
        super().present()
        self._show_first_steps()

    def _show_first_steps(self) -> None:
        """Where nothing has run yet, show how to begin in place of an empty list."""
        wanted = not self.runs and self.fetched and self.ui.session.mode is not Mode.STARTING
        shown = self.query(FirstSteps)
        if wanted and not shown:
            self.list.display = False
            self.mount(FirstSteps(ways(self.ui), ascii=self.ui.ascii), after=self.list)
        elif shown and not wanted:
            shown.remove()
            self.list.display = True
            self.set_focus(self.list)

    def allows(self, binding: Binding) -> bool:
        """Where nothing has run there is nothing to act on; the ways to begin have the keys."""
        return super().allows(binding) and not (
            self.query(FirstSteps) and binding.action.startswith(("act(", "dispatch", "filter"))
        )

    def concerns(self, change: Change) -> bool:
        return bool(change.data["type"] == "run")

    def heard(self, changes: Sequence[Change]) -> None:
        """A status that changed is in view at once; the rest of the row comes with the next look."""
        news = {change.data["run"]: change.data["status"] for change in changes if change.data["type"] == "run"}
        for run in self.runs:
            if run["id"] in news:
                run["status"] = news[run["id"]]
        if news:
            self.list.change(row for row in self.rows() if row.id in news)

    def tick(self) -> None:
        self._show_first_steps()
        self.list.change(self.rows())

    def action_act(self, name: str) -> None:
        chosen = set(self.chosen())
        self.ui.act(NAMED[name], *(values_of(run) for run in self.runs if run["id"] in chosen))
        self.list.unmark()

    def action_pin(self) -> None:
        """Pin those chosen, or, if all of them are, let them go."""
        chosen = set(self.chosen())
        runs = [run for run in self.runs if run["id"] in chosen]
        free = [run for run in runs if not run["pinned"]]
        self.ui.act(PIN if free else UNPIN, *map(values_of, free or runs))
        self.list.unmark()

    def action_explain(self) -> None:
        if isinstance(id := self.list.cursor_id, int):
            explain(self.ui, ("run", id))

    def pressing(self) -> Sequence[str]:
        run = next((run for run in self.runs if run["id"] == self.list.cursor_id), None)
        return () if run is None else pressing.on_run(run)

    def action_dispatch(self) -> None:
        self.ui.dispatch()

    def places(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        for run in self.runs:
            words = f"Open {run['workflow']} #{run['number']} {run['title']}"
            yield words, f"{run['repo']}, {run['status']}", partial(self.ui.open_job, run["id"], None)

    def on_first_steps_chosen(self, message: FirstSteps.Chosen) -> None:
        self.run_worker(begin(self.ui, message.way), group="begin")

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        from app.tui.pages.run import RunPage

        run = next((run for run in self.runs if run["id"] == message.id), None)
        if run is not None:
            self.ui.push_screen(RunPage(run))


def values_of(run: dict[str, Any]) -> dict[str, Any]:
    """Return what actions need to know of a run."""
    over = run["status"] in RUN_FINAL
    name, ending = f"{run['workflow']} #{run['number']}", not over and run["cancel_asked_at"] is not None
    return {"run": run["id"], "repo": run["repo"], "name": name, "over": over, "ending": ending}


PAGE = RunsPage
