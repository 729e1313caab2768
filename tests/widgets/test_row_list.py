"""The cursor stays on what one looks at, only what changed is painted, and nothing in a row can do harm."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from textual import on
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from tests.widgets.screen import text_of
from widgets.columns import Column
from widgets.row_list import Cell, Row, RowId, RowList

COLUMNS = (Column("status", "Status", 11), Column("name", "Name"), Column("age", "Age", 4, right=True, drop=1))


class Painted(RowList):
    """Counts the regions that were asked to be painted, and the lines that were."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, empty="no runs yet\npress d")
        self.regions: list[Region] = []
        self.wholes = 0

    def refresh(self, *regions: Region, **how: bool) -> "Painted":
        if self.is_mounted:
            self.regions += regions
            self.wholes += not regions
        return super().refresh(*regions, **how)


class Stage(App[object]):
    def __init__(self) -> None:
        super().__init__()
        self.list = Painted()
        self.told: list[tuple[str, object]] = []

    def compose(self) -> ComposeResult:
        yield self.list

    @on(RowList.Opened)
    def opened(self, event: RowList.Opened) -> None:
        self.told.append(("opened", event.id))

    @on(RowList.Moved)
    def moved(self, event: RowList.Moved) -> None:
        self.told.append(("moved", event.id))

    @on(RowList.Marked)
    def marked(self, event: RowList.Marked) -> None:
        self.told.append(("marked", event.ids))


def row(id: RowId, name: str = "", status: str | None = "running", age: str = "1m") -> Row:
    return Row(id, (Cell(""), Cell(name or f"run {id}"), Cell(age, "dim")), status)


def rows(*ids: RowId) -> list[Row]:
    return [row(id) for id in ids]


def play(scene: Callable[[Stage, Painted, Pilot[object]], Awaitable[None]], size: tuple[int, int] = (40, 6)) -> Stage:
    async def drive() -> Stage:
        app = Stage()
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await scene(app, app.list, pilot)
        return app

    return asyncio.run(drive())


def cursor_line(app: Stage) -> str:
    return next(line for line in text_of(app) if line.startswith("▸"))


def test_a_row_shows_glyph_and_word_of_its_status_under_the_titles():
    async def scene(app, rows_pane, pilot):
        assert text_of(app)[:3] == ["  Status      Name                   Age", "  no runs yet", "  press d"]
        rows_pane.show([row(1, status="failed"), row(2, "nightly", "success", "12h")])
        await pilot.pause()
        assert text_of(app)[1:4] == [
            "▸ ✗ failed    run 1                   1m",
            "  ✓ success   nightly                12h",
            "",
        ]
        rows_pane.ascii = True
        await pilot.pause()
        assert text_of(app)[1].startswith("> x failed")

    play(scene)


def test_the_cursor_stays_at_the_top_until_it_is_moved():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(2, 1))
        rows_pane.show(rows(3, 2, 1))
        assert rows_pane.cursor_id == 3
        await pilot.press("j")
        rows_pane.show(rows(5, 4, 3, 2, 1))
        assert rows_pane.cursor_id == 2
        await pilot.press("g")
        rows_pane.show(rows(6, 5, 4, 3, 2, 1))
        assert rows_pane.cursor_id == 6
        await pilot.pause()

    assert play(scene).told == [("moved", id) for id in (2, 3, 2, 5, 6)]


def test_the_cursor_keeps_its_row_and_its_line_when_rows_are_sorted_anew():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(*range(50)))
        await pilot.press("j", "j")
        await pilot.pause()
        line = text_of(app).index(cursor_line(app))
        rows_pane.show(rows(*range(49, -1, -1)))
        await pilot.pause()
        assert text_of(app)[line].startswith("▸ ● running   run 2 ")

    play(scene)


def test_a_view_scrolled_away_by_the_wheel_does_not_jump_when_rows_come():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(*range(50)))
        await pilot.pause()
        rows_pane.scroll_to(y=20, animate=False)
        await pilot.pause()
        before = [line[:39] for line in text_of(app)[1:]]
        rows_pane.show(rows(99, 98, *range(50)))
        await pilot.pause()
        assert [line[:39] for line in text_of(app)[1:]] == before

    play(scene)


@pytest.mark.parametrize(
    ("left", "cursor"), [((1, 2, 4, 5), 4), ((1, 2), 2), ((5, 4, 1), 4), ((9,), 9), ((), None), ((3, 1), 3)]
)
def test_when_its_row_vanishes_the_cursor_goes_to_the_next_that_is_left(left, cursor):
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(1, 2, 3, 4, 5))
        await pilot.press("j", "j")
        rows_pane.show(rows(*left))
        assert rows_pane.cursor_id == cursor
        await pilot.press("j", "k", "enter", "space", "G")
        await pilot.pause()

    play(scene)


def test_marks_are_kept_over_sorting_and_go_with_their_rows():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(1, 2, 3))
        await pilot.press("space", "space")
        await pilot.pause()
        assert [line[:3] for line in text_of(app)[1:4]] == [" »●", " »●", "▸ ●"]
        rows_pane.show(rows(3, 2))
        assert rows_pane.marks == {2}
        await pilot.press("ctrl+a")
        assert rows_pane.marks == {2, 3}
        await pilot.press("ctrl+a")
        assert rows_pane.marks == frozenset()

    marked = [ids for kind, ids in play(scene).told if kind == "marked"]
    assert marked == [{1}, {1, 2}, {2}, {2, 3}, frozenset()]


def test_a_filter_shows_rows_with_all_words_and_marks_the_letters():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(
            [row(1, "Deploy main", "failed"), row(2, "deploy dev"), row(3, "test main"), row(4, "deploy main")]
        )
        rows_pane.filter = "dep main"
        await pilot.pause()
        assert rows_pane.shown == (1, 4)
        assert rows_pane.count == (2, 4)
        strong = [seg.text for seg in rows_pane.render_line(1) if seg.style and seg.style.underline]
        assert strong == ["Dep", "main"]
        rows_pane.filter = "failed"
        assert rows_pane.shown == (1,)
        rows_pane.filter = "[nothing]"
        await pilot.pause()
        assert text_of(app)[1] == '  Nothing matches "[nothing]".'
        assert rows_pane.cursor_id is None
        rows_pane.filter = ""
        assert rows_pane.shown == (1, 2, 3, 4)

    play(scene)


def test_a_changed_row_comes_and_goes_with_the_filter():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(1, 2))
        rows_pane.filter = "failed"
        rows_pane.change([row(2, status="failed")])
        assert rows_pane.shown == (2,)
        rows_pane.change([row(2), row(77, status="failed")])
        assert rows_pane.shown == ()

    play(scene)


def test_only_a_changed_row_in_view_is_painted():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(*range(5000)))
        await pilot.pause()
        rows_pane.regions, rows_pane.wholes = [], 0
        rows_pane.show([*rows(0), row(1, status="success"), *rows(*range(2, 4999)), row(4999, status="failed")])
        rows_pane.change([row(3000, status="failed")])
        assert rows_pane.regions == [Region(0, 2, rows_pane.size.width, 1)]
        assert rows_pane.wholes == 0

    play(scene)


def test_columns_are_dropped_when_the_terminal_gets_narrow():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(*range(9)))
        await pilot.resize_terminal(26, 6)
        await pilot.pause()
        assert text_of(app)[:2] == ["  Status      Name", "▸ ● running   run 0"]
        for width in (9, 3, 2, 1):
            await pilot.resize_terminal(width, 3)
            await pilot.pause()
            text_of(app)
        await pilot.resize_terminal(60, 6)
        await pilot.pause()
        assert text_of(app)[0].endswith("Age")

    play(scene)


def test_the_cursor_stays_in_view_when_the_terminal_gets_low():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(*range(30)))
        await pilot.press(*["j"] * 4)
        await pilot.resize_terminal(40, 4)
        await pilot.pause()
        assert "run 4" in cursor_line(app)

    play(scene)


def test_a_click_selects_and_a_double_click_opens():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(1, 2, 3))
        await pilot.pause()
        await pilot.click(RowList, offset=(5, 2))
        await pilot.click(RowList, offset=(5, 0))
        await pilot.click(RowList, offset=(5, 5))
        await pilot.double_click(RowList, offset=(5, 3))
        await pilot.press("up", "enter")
        await pilot.pause()

    told = play(scene).told
    assert told == [("moved", 1), ("moved", 2), ("moved", 3), ("opened", 3), ("moved", 2), ("opened", 2)]


def test_the_page_keys_move_by_what_is_in_view_and_stop_at_the_ends():
    async def scene(app, rows_pane, pilot):
        rows_pane.show(rows(*range(100)))
        await pilot.pause()
        for key, at in (("pagedown", 5), ("ctrl+d", 8), ("G", 99), ("j", 99), ("home", 0), ("k", 0), ("ctrl+u", 0)):
            await pilot.press(key)
            assert rows_pane.cursor_id == at

    play(scene)


def test_what_is_shown_before_it_is_mounted_is_there_afterwards():
    async def drive() -> None:
        app = Stage()
        app.list.show(rows(1, 2))
        app.list.filter = "2"
        async with app.run_test(size=(40, 6)) as pilot:
            await pilot.pause()
            assert "run 2" in cursor_line(app)

    asyncio.run(drive())


HOSTILE = [
    "\x1b]52;c;aGk=\x07",
    "a\x1b[2Jb",
    "[red]x[/red]",
    "\r\nsecond",
    "\x9b31m",
    "日本" * 40,
    "e\u0301" * 50,
    "\t",
]


def test_a_hostile_name_stays_text_on_its_own_line():
    async def scene(app, rows_pane, pilot):
        rows_pane.show([row(i, name, "no\x1b[1msuch") for i, name in enumerate(HOSTILE)])
        rows_pane.filter = ""
        await pilot.pause()
        lines = text_of(app)
        assert len(lines) == 12
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(lines))
        assert "[red]x[/red]" in lines[3]

    play(scene, (40, 12))
