"""Every try is one key away, and no try is mistaken for its job."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from textual import on
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.widgets.screen import text_of
from widgets.attempts_pane import AttemptRow, AttemptsPane

TRIES = (
    AttemptRow(1, "failed", "12:00:01", 12.3, "worker-1", 1, "the script of step 2 ended", ended="12:00:13"),
    AttemptRow(2, "failed", "12:00:31", 0.3, "worker-2", None, "no image", "infrastructure"),
    AttemptRow(3, "running", "12:01:00", 4.0, "worker-1"),
)


class Stage(App[object]):
    def __init__(self) -> None:
        super().__init__()
        self.pane = AttemptsPane()
        self.told: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.pane

    @on(AttemptsPane.Chosen)
    def chosen(self, event: AttemptsPane.Chosen) -> None:
        self.told.append(event.number)


def play(
    scene: Callable[[Stage, AttemptsPane, Pilot[object]], Awaitable[None]], size: tuple[int, int] = (90, 7)
) -> Stage:
    async def drive() -> Stage:
        app = Stage()
        async with app.run_test(size=size) as pilot:
            app.pane.focus()
            await pilot.pause()
            await scene(app, app.pane, pilot)
            await pilot.pause()
        return app

    return asyncio.run(drive())


@pytest.mark.parametrize(
    ("row", "result"),
    [
        (AttemptRow(1, "failed", exit_code=127), "exit 127"),
        (AttemptRow(1, "failed", exit_code=1, kind="code"), "exit 1"),
        (AttemptRow(1, "failed", kind="infrastructure"), "infrastructure"),
        (AttemptRow(1, "failed"), "no exit code"),
        (AttemptRow(1, "success", exit_code=0), "success"),
        (AttemptRow(1, "timed_out", exit_code=143), "timed out"),
        (AttemptRow(1, "lost"), "lost"),
    ],
)
def test_a_try_says_how_it_ended_without_the_words_of_its_job(row, result):
    assert row.result == result


def test_every_try_has_a_tab_and_a_row_of_its_own():
    async def scene(app, pane, pilot):
        pane.show(TRIES, chosen=1)
        await pilot.pause()
        strip, _, first, second, third, *_ = text_of(app)
        assert strip == "[1 ✗][2 ✗][3 ●]"
        assert re.match(r"▸ 1   ✗ exit 1 +12 s 12:00:01 12:00:13 worker-1 +the script of", first)
        assert re.match(r"  2   ✗ infrastructure +0.3 s 12:00:31 +worker-2 +no image", second)
        assert re.match(r"  3   ● running +4.0 s", third)
        assert not re.search("failed|skipped", "".join(text_of(app)))

    play(scene)


def test_keys_and_clicks_choose_a_try_and_stop_at_the_ends():
    async def scene(app, pane, pilot):
        pane.show(TRIES)
        await pilot.pause()
        await pilot.press("<", "<", "<", ">", "G", "G", "k", "home")
        await pilot.click(AttemptsPane, offset=(7, 0))
        await pilot.click(AttemptsPane, offset=(40, 4))
        await pilot.click(AttemptsPane, offset=(40, 1))
        await pilot.click(AttemptsPane, offset=(40, 6))

    assert play(scene).told == [2, 1, 2, 3, 2, 1, 2, 3]


def test_the_countdown_counts_down_and_stops_at_nothing():
    async def scene(app, pane, pilot):
        pane.show(TRIES[:2], next_s=8.0)
        await pilot.pause()
        assert text_of(app)[0] == "[1 ✗][2 ✗] ↻ next try in 8 s"
        pane.show(TRIES[:2], next_s=1.0)
        await pilot.pause()
        assert text_of(app)[0].endswith("next try in 1 s")
        pane.show(TRIES[:2], next_s=-1.0)
        await pilot.pause()
        assert text_of(app)[0].endswith("next try in 0 s")
        pane.show(TRIES)
        await pilot.pause()
        assert text_of(app)[0] == "[1 ✗][2 ✗][3 ●]"

    play(scene)


def test_of_many_tries_the_chosen_one_is_in_view_in_strip_and_rows():
    async def scene(app, pane, pilot):
        pane.show([AttemptRow(number, "lost") for number in range(1, 41)])
        await pilot.pause()
        assert text_of(app)[0].startswith("…[") and text_of(app)[0].endswith("[40 ?]")
        assert text_of(app)[6].startswith("▸ 40")
        await pilot.press("g")
        await pilot.pause()
        assert text_of(app)[0].startswith("[1 ?]")
        assert text_of(app)[2].startswith("▸ 1")

    play(scene, (60, 7))


def test_nothing_tried_yet_is_said_and_keys_do_no_harm():
    async def scene(app, pane, pilot):
        await pilot.press("<", ">", "G")
        await pilot.pause()
        assert text_of(app)[0] == "no try yet"

    assert play(scene).told == []


def test_hostile_reasons_stay_text_at_any_size():
    async def scene(app, pane, pilot):
        pane.show([AttemptRow(1, "failed", "\x1b[H", None, "\x9b1m", 3, "[red]\x1b]0;x\x07\r\n日本", "k\x07")])
        for width in (90, 30, 6, 1):
            await pilot.resize_terminal(width, 5)
            await pilot.pause()
            assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(text_of(app)))

    play(scene)


def test_ascii_draws_with_ascii_alone():
    async def scene(app, pane, pilot):
        pane.show(TRIES, next_s=8.0)
        pane.ascii = True
        await pilot.pause()
        assert "".join(text_of(app)).isascii()

    play(scene)
