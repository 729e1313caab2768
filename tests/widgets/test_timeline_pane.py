"""The waterfall is to scale, grows while jobs run, and paints only what changed."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from textual import on
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from tests.widgets.screen import text_of
from widgets.timeline_pane import Bar, Lane, TimelinePane, TimelineProp

LANES = (
    Lane("checkout", "success", (Bar("waiting", "queued", 0, 3), Bar("attempt", "success", 3, 15))),
    Lane(
        "unit",
        "running",
        (
            Bar("waiting", "queued", 15, 20),
            Bar("attempt", "failed", 20, 40),
            Bar("backoff", "retrying", 40, 50),
            Bar("attempt", "running", 50),
        ),
        lit=True,
        id=7,
    ),
    Lane("Run tests", "success", (Bar("step", "success", 51, 60),), depth=1),
    Lane("deploy", "pending", ()),
)


class Timed(TimelinePane):
    def __init__(self) -> None:
        super().__init__()
        self.regions: list[Region] = []
        self.wholes = 0

    def refresh(self, *regions: Region, **how: bool) -> "Timed":
        if self.is_mounted:
            self.regions += regions
            self.wholes += not regions
        return super().refresh(*regions, **how)


class Stage(App[object]):
    def __init__(self) -> None:
        super().__init__()
        self.pane = Timed()
        self.told: list[tuple[int, int | None]] = []

    def compose(self) -> ComposeResult:
        yield self.pane

    @on(TimelinePane.Chosen)
    def chosen(self, event: TimelinePane.Chosen) -> None:
        self.told.append((event.index, event.id))


def play(scene: Callable[[Stage, Timed, Pilot[object]], Awaitable[None]], size: tuple[int, int] = (80, 7)) -> Stage:
    async def drive() -> Stage:
        app = Stage()
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await scene(app, app.pane, pilot)
            await pilot.pause()
        return app

    return asyncio.run(drive())


def cells(line: str, char: str) -> int:
    return line.count(char)


def test_waiting_tries_backoff_and_steps_are_told_apart_and_to_scale():
    async def scene(app, pane, pilot):
        pane.show(TimelineProp(LANES, 70))
        await pilot.pause()
        axis, first, second, step, last, *_ = text_of(app)
        assert axis.split("  ")[-1].strip() == "1 m"
        assert re.match(r"✓ checkout +░+█+✓", first)
        assert re.match(r"● unit +┊ +░+█+✗╌+█+", second)
        assert re.match(r"  ✓ Run tests .*▄+✓", step)
        assert last.startswith("○ deploy")
        assert first.endswith("12 s") and second.endswith("40 s")
        assert abs(cells(second, "╌") * 2 - (cells(second, "█") + 1) / 2) <= 2

    play(scene)


def test_a_running_bar_grows_and_only_its_lane_is_painted():
    async def scene(app, pane, pilot):
        pane.show(TimelineProp(LANES, 62))
        await pilot.pause()
        before = cells(text_of(app)[2], "█")
        pane.regions, pane.wholes = [], 0
        pane.show(TimelineProp(LANES, 70))
        assert pane.regions == [Region(0, 2, pane.size.width, 1)] and pane.wholes == 0
        await pilot.pause()
        assert cells(text_of(app)[2], "█") > before

    play(scene)


def test_all_lanes_follow_when_the_scale_has_to_change():
    async def scene(app, pane, pilot):
        pane.show(TimelineProp(LANES, 62))
        await pilot.pause()
        before = cells(text_of(app)[1], "█")
        pane.show(TimelineProp(LANES, 400))
        await pilot.pause()
        assert cells(text_of(app)[1], "█") < before

    play(scene)


def test_a_lane_scrolled_out_of_view_is_not_painted():
    async def scene(app, pane, pilot):
        lanes = tuple(Lane(f"job {n}", "running", (Bar("attempt", "running", n),)) for n in range(40))
        pane.show(TimelineProp(lanes, 41))
        await pilot.pause()
        pane.focus()
        await pilot.press("G")
        await pilot.pause()
        assert "job 39" in text_of(app)[6]
        pane.regions = []
        pane.show(TimelineProp(lanes, 42))
        assert {region.y for region in pane.regions} == set(range(1, 7))
        await pilot.press("g")
        await pilot.pause()
        assert "job 0" in text_of(app)[1]

    play(scene)


def test_zoom_shows_less_time_and_the_sides_can_be_reached():
    async def scene(app, pane, pilot):
        pane.show(TimelineProp(LANES, 70))
        pane.focus()
        await pilot.press("+", "+", *["l"] * 8)
        await pilot.pause()
        assert "░" not in text_of(app)[1]
        await pilot.press(*["h"] * 12)
        await pilot.pause()
        assert text_of(app)[0].split()[0] == "0"
        await pilot.press("-", "-", "-")
        await pilot.pause()
        assert re.search("1 m", text_of(app)[0])

    play(scene)


def test_a_click_chooses_a_lane():
    async def scene(app, pane, pilot):
        pane.show(TimelineProp(LANES, 70))
        await pilot.pause()
        for y in (0, 2, 6):
            await pilot.click(TimelinePane, offset=(30, y))

    assert play(scene).told == [(1, 7)]


def test_the_lane_that_is_lit_is_brought_into_view_with_its_steps():
    async def scene(app, pane, pilot):
        def lanes(lit: int) -> TimelineProp:
            jobs = [Lane(f"job {n}", "success", (), lit=n == lit) for n in range(30)]
            steps = [Lane(f"step {n}", "success", (), depth=1) for n in range(3)]
            return TimelineProp((*jobs[: lit + 1], *steps, *jobs[lit + 1 :]))

        for lit, first in ((20, "job 18"), (19, "job 18"), (2, "job 0"), (29, "job 27")):
            pane.show(lanes(lit))
            await pilot.pause()
            assert first in text_of(app)[1]
            assert any("step 2" in line for line in text_of(app))

    play(scene)


def test_lanes_come_and_go_at_any_size_and_hostile_names_stay_text():
    async def scene(app, pane, pilot):
        for width in (80, 20, 12, 5, 1):
            await pilot.resize_terminal(width, 6)
            pane.show(TimelineProp((*LANES, Lane("\x1b[2J[red]\r\n日本日本", "odd", (Bar("step", "odd", 5, 5),))), 70))
            await pilot.pause()
            assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(text_of(app)))
            pane.show(TimelineProp())
            await pilot.pause()
            assert not any(text_of(app))

    play(scene)


def test_ascii_draws_with_ascii_alone():
    async def scene(app, pane, pilot):
        pane.show(TimelineProp(LANES, 70))
        pane.ascii = True
        await pilot.pause()
        assert "".join(text_of(app)).isascii()

    play(scene)


def test_jobs_of_a_matrix_have_labels_that_tell_them_apart():
    names = [f"unit (3.11, debian-{os}-slim)" for os in ("bookworm", "trixie")]

    async def scene(app, pane, pilot):
        pane.show(TimelineProp(tuple(Lane(name, "success", (Bar("attempt", "success", 0, 9),)) for name in names), 9))
        await pilot.pause()
        labels = [line[2:16].strip() for line in text_of(app)[1:3]]
        assert len(set(labels)) == 2
        pane.show(TimelineProp((Lane("lint", "success", ()), Lane("docs", "success", ())), 9))
        await pilot.pause()
        assert [line[2:6] for line in text_of(app)[1:3]] == ["lint", "docs"]

    play(scene, (44, 7))
