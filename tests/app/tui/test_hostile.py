"""Whatever an engine tells may have been written by anyone: none of it commands the terminal, on any page.

Every text of every answer is replaced by a hostile one on its way to the UI; only what the UI reasons by (statuses,
times, paths of files that it asks for again) stays.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from app.client import Client
from engine.store.copies.snapshots import HAND, Snapshots
from engine.store.inbox import Arrival, Outcome
from engine.store.logs.writer import LogWriter, Progress
from engine.store.queue import StepNews
from tests.app.server.artifacts import leave
from tests.app.tui.harness import Tui, tui_over
from tests.engine.fakes import jobs

MANY = (
    "a\x9b31mb\x9d0;title\x9cc\x90q\x9cd\x85e"  # C1
    "a\u202eb\u2066c\u200fd\u061ce"  # the order of writing
    "a\u200bb\ufeffc\xadd\U000e0041e"  # what nobody sees
    "a\nb\r\nc\rd\x0be\x0cf\x00g\x7fh\u2028i\u2029j\tk"  # breaks
    "a\ud800b\udfffc"  # half characters
    "a\x1b]52;c;aGFja2Vk\x07b\x1b[2J\x1b[5;5Hc\x1b[31md\x1b]0;title\x1b\\e\x1bPq\x1b\\f\x1b"  # escape sequences
)
MARKUP = "[red]a[/red] [@click=app.exit]b[/] [link=https://evil.example]c[/link] [/] [[[ \\[bold] {run} %s $(id)"
HOSTILE = {
    "many": MANY,
    "markup": MARKUP,
    "long": f"long{MANY}" * 20 + "漢字👩‍👩‍👧‍👦e\u0301" * 300,
    "nothing": "",
    "spaces": " \t \u3000 ",
}
REASONED_BY = re.compile(
    r"(status|from|conclusion|outcome|.*_at|at|since|.*until|type|kind|cause|forge|source|watch|path|workflow_path|url"
    r"|ref|sha|delivery|digest|window|default|key|needs)$"
)
FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\xad\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


class HostileClient(Client):
    """Tells what the engine tells, every text in it replaced."""

    @classmethod
    def of(cls, site: Any, text: str) -> "HostileClient":
        made = Client.of_home(site.home)
        return cls(made.where, made._connect, text)

    def __init__(self, where: str, connect: Any, text: str) -> None:
        super().__init__(where, connect)
        self._text = text

    def get(self, path: str, query: Any = None) -> Any:
        told = super().get(path, query)
        return told if path.endswith(("/lines", "/times")) else self._poisoned(told)

    def _poisoned(self, told: Any, name: str = "") -> Any:
        if isinstance(told, Mapping):
            return {key: self._poisoned(value, key) for key, value in told.items()}
        if isinstance(told, list):
            return [self._poisoned(value, name) for value in told]
        return self._text if isinstance(told, str) and not REASONED_BY.match(name) else told


@pytest.fixture
def full(site):
    """A site with something of everything."""
    lab = site.lab
    lab.run(jobs(build="", test="needs: build", late="needs: test", other=""), title="first")
    lease, now = lab.start(), lab.clock.now()
    lab.store.queue.begin(lease, ["Set up", "make"], None)
    log = LogWriter(lab.store.log_path(lease.run_id, lease.job_id, 1), 1 << 20)
    for step in (0, 1):
        log.begin_step(step, now)
        data = b"::group::a\x1b]52;c;aGFja2Vk\x07\n\x1b[2J[red]one\x9b31m\n::endgroup::\n::error::no\xe2\x80\xae\n"
        log.append(step, data, Progress(len(data)), now)
        log.end_step(step, now)
    log.close()
    lab.store.queue.steps(lease, [StepNews(1, "started", now), StepNews(1, "failed", now, 1)])
    lab.fail(lease)
    lab.start("w2")
    lab.run(jobs(a="", b="needs: a"), "acme/other", title="second", ref="refs/pull/7/head")
    lab.run("on: push\n" + MATRIX, title="third")
    repo = lab.store.runs.repo("acme/app", "/srv/app")
    about = {"ref": "refs/heads/x", "actor": "eve", "action": "opened", "message": "m", "sha": "1" * 40}
    [(event, _)] = lab.store.inbox.accept([Arrival(repo, "d1", "push", "webhook", about)], now)
    lab.store.inbox.settle({event: Outcome(verdicts={".github/workflows/ci.yml": "no branch matches"})}, now)
    leave(site, lease.run_id, "one", {"a.txt": b"alpha", "deep/b": b"-> ../a.txt"})
    for _ in range(2):
        Snapshots(lab.store.home, site.desk.artifacts.blobs).create(HAND, lab.clock.now())
        lab.clock.advance(timedelta(minutes=3).total_seconds())
    return site


MATRIX = """\
jobs:
  unit:
    runs-on: x
    strategy: {matrix: {n: [1, 2, 3, 4, 5]}}
    steps: [{run: 'true'}]
"""


def check(it: Tui) -> None:
    """No character of a stranger's that commands is on the screen, and no style of a stranger's."""
    width = it.app.size.width
    it.app.screen.refresh()
    for strip in it.app.screen._compositor.render_strips(it.app.size):
        text = strip.text
        assert not FORBIDDEN.search(text), f"{text!r} on\n{it.text}"
        assert strip.cell_length == width, f"{strip.cell_length} cells of {width}: {text!r}"
        for segment in strip:
            assert segment.control is None
            assert segment.style is None or (segment.style.link is None and not segment.style.meta.get("@click"))


@pytest.mark.parametrize(
    ("kind", "size"),
    [("many", (120, 36)), ("many", (80, 24)), ("markup", (200, 50)), ("long", (120, 36)), ("long", (60, 15)),
     ("nothing", (120, 36)), ("spaces", (80, 24))],
)  # fmt: skip
def test_no_page_shows_what_commands_a_terminal(full, kind, size):
    async def deed(it: Tui) -> None:
        check(it)
        for key in "2345671":
            await it.press(key)
            await it.until(lambda: it.app.page is not None and it.app.page.fetched)
            check(it)
            if key == "7":
                await it.press("escape")
            elif key == "4":
                for inner in ("enter", "S"):
                    await it.press(inner)
                    await it.until(lambda: len(it.app.screen_stack) > 1 and it.app.page.fetched)
                    check(it)
                    await it.press("escape")
                    await it.until(lambda: len(it.app.screen_stack) == 1)
            elif key == "3":
                await it.press("enter")
                await it.until(lambda: it.app.screen is not it.app.page)
                check(it)
                await it.press("escape")
        await it.press("F", *"red", "enter")
        await it.until(lambda: it.app.page.fetched and it.app.page.hits)
        check(it)
        await it.press("escape")
        await it.press(":", *"open")
        await it.pilot.pause(0.2)
        check(it)
        await it.press("escape", "space", "space")
        check(it)
        await it.press("escape", "enter")
        await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.fetched)
        for key in (
            "tab",
            "tab",
            "tab",
            "tab",
            "z",
            "v",
            "space",
            "down",
            "right",
            "enter",
            "t",
            "w",
            "greater_than_sign",
        ):
            await it.press(key)
            check(it)
        for key, back in (("c", "n"), ("C", "n"), ("question_mark", "escape"), ("colon", "escape")):
            await it.press(key)
            await it.pilot.pause()
            check(it)
            await it.press(back)
        await it.press("R", "T")
        await it.until(lambda: it.told)
        check(it)

    tui_over(full, deed, size, client=HostileClient.of(full, HOSTILE[kind]))


def test_markup_is_shown_as_it_was_written(full):
    async def deed(it: Tui) -> None:
        await it.shows("[red]a[/red]")

    tui_over(full, deed, (200, 40), client=HostileClient.of(full, MARKUP))
