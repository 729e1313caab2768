"""The server goes and comes back, in the middle of everything: a visible mark, and nothing missing afterwards."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

from app.client import Client
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.app.tui.harness import Tui, tui
from tests.engine.fakes import jobs

MARKS = ("reconnecting", "No engine answers")
"""One for the stream of changes that is cut off, one for a question without an answer."""


class Server:
    """A home that is served, or not."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._undo = ExitStack()
        self.site: Site = self._undo.enter_context(serve(home))

    def stop(self) -> None:
        self._undo.close()

    def start(self) -> None:
        self.site = self._undo.enter_context(serve(self.home))
        self.site.lab.store.queue.load()


def cut_off(it: Tui) -> bool:
    return any(mark in it.lines[0] for mark in MARKS)


def test_a_list_says_that_it_is_cut_off_and_misses_nothing_when_the_line_is_back(tmp_path):
    server = Server(tmp_path / "home")
    first = server.site.lab.run(jobs(a=""), title="before")

    async def go() -> None:
        async with tui(server.site, client=Client.of_home(server.home)) as it:
            await it.shows("before", "queued")
            await asyncio.to_thread(server.stop)
            await it.until(lambda: cut_off(it))
            assert "before" in it.text  # what was known stays in view
            await asyncio.to_thread(server.start)
            lab = server.site.lab
            lab.run(jobs(b=""), title="between")
            lab.work()
            lab.bus.wake("news")
            await it.shows("between", "success")
            await it.hides(*MARKS, "queued")
            assert lab.status(first) == "success"
            lab.run(jobs(c=""), title="after")
            lab.bus.wake("news")
            await it.shows("after", "queued")

    try:
        asyncio.run(go())
    finally:
        server.stop()


def test_the_stream_goes_on_behind_what_was_heard_last(tmp_path):
    server = Server(tmp_path / "home")
    heard: list[int] = []

    async def go() -> None:
        async with tui(server.site, client=Client.of_home(server.home)) as it:
            drain = it.app.feed.drain

            def noted() -> list:
                changes = drain()
                heard.extend(change.sequence for change in changes)
                return changes

            it.app.feed.drain = noted
            for title in ("one", "two"):
                server.site.lab.run(jobs(a=""), title=title)
                server.site.lab.work()
                server.site.lab.bus.wake("news")
                await it.shows(title, "success")
                await asyncio.to_thread(server.stop)
                await it.until(lambda: cut_off(it))
                await asyncio.to_thread(server.start)
            server.site.lab.run(jobs(a=""), title="three")
            server.site.lab.bus.wake("news")
            await it.shows("three", "queued")
            last = server.site.client.get("/runs")["sequence"]
            await it.until(lambda: heard and heard[-1] == last)

    try:
        asyncio.run(go())
    finally:
        server.stop()
    assert heard == list(range(heard[0], heard[-1] + 1))  # each once, in order


def test_a_run_and_its_log_go_on_where_they_were(tmp_path):
    server = Server(tmp_path / "home")
    run = server.site.lab.run(jobs(build="", test="needs: build"))

    async def go() -> None:
        async with tui(server.site, client=Client.of_home(server.home)) as it:
            await it.press("enter")
            await it.shows("build queued", "test pending")
            await asyncio.to_thread(server.stop)
            await it.until(lambda: cut_off(it) and "build queued" in it.text)
            await it.press("question_mark")
            await it.shows("Keys")
            await it.press("escape")
            await asyncio.to_thread(server.start)
            server.site.lab.work()
            server.site.lab.bus.wake("news")
            await it.shows("build success", "test success")
            await it.hides(*MARKS)
            assert server.site.lab.status(run) == "success"

    try:
        asyncio.run(go())
    finally:
        server.stop()


def test_what_is_asked_while_nobody_answers_is_told_as_not_done(tmp_path):
    server = Server(tmp_path / "home")
    run = server.site.lab.run(jobs(a=""), title="kept")

    async def go() -> None:
        async with tui(server.site, client=Client.of_home(server.home)) as it:
            await it.shows("kept")
            await asyncio.to_thread(server.stop)
            await it.press("c")
            await it.shows("Cancel")
            await it.press("y")
            await it.until(lambda: any("No engine answers" in notice for notice in it.told))
            await asyncio.to_thread(server.start)
            await it.hides(*MARKS)
            assert server.site.lab.status(run) == "queued"

    try:
        asyncio.run(go())
    finally:
        server.stop()
