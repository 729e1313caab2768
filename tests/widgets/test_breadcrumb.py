"""The way back is always in sight, however narrow."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual import on
from textual.app import App, ComposeResult

from tests.widgets.screen import text_of
from widgets.breadcrumb import Breadcrumb, trail
from widgets.key_bar import KeyBar


class Lines(App[object]):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def compose(self) -> ComposeResult:
        yield Breadcrumb()
        yield KeyBar()

    @on(Breadcrumb.Went)
    def went(self, event: Breadcrumb.Went) -> None:
        self.told.append(event.index)

    @on(KeyBar.Pressed)
    def pressed(self, event: KeyBar.Pressed) -> None:
        self.told.append(event.key)


PARTS = ("runs", "#128", "unit (3.12)", "try 2")


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (80, "runs › #128 › unit (3.12) › try 2"),
        (33, "runs › #128 › unit (3.12) › try 2"),
        (32, "runs › … › unit (3.12) › try 2"),
        (29, "runs › … › try 2"),
        (10, "try 2"),
        (4, "try…"),
        (0, ""),
    ],
)
def test_the_middle_goes_first_and_the_last_part_stays(width, text):
    assert "".join(piece for piece, _ in trail(PARTS, width)) == text


@given(st.lists(st.text(max_size=12), max_size=6), st.integers(0, 60))
def test_a_path_never_exceeds_its_line(parts, width):
    assert sum(cell_len(text) for text, _ in trail(parts, width)) <= width


def test_a_click_on_a_part_goes_back_to_it_and_one_between_does_nothing():
    async def drive() -> None:
        app = Lines()
        async with app.run_test(size=(50, 4)) as pilot:
            app.query_one(Breadcrumb).show(PARTS, "live \x1b[2J")
            await pilot.pause()
            assert text_of(app)[0] == "runs › #128 › unit (3.12) › try 2" + " " * 13 + "live"
            for x in (1, 5, 8, 20, 45):
                await pilot.click(Breadcrumb, offset=(x, 0))
            assert app.told == [0, 1, 2]

    asyncio.run(drive())


def test_as_many_keys_as_fit_are_shown_and_each_can_be_clicked():
    async def drive() -> None:
        app = Lines()
        async with app.run_test(size=(30, 4)) as pilot:
            bar = app.query_one(KeyBar)
            bar.show((("enter", "open"), ("/", "filter"), ("[red]", "hostile"), ("?", "help")))
            await pilot.pause()
            assert text_of(app)[1] == "enter open  / filter"
            await pilot.click(KeyBar, offset=(13, 0))
            await pilot.click(KeyBar, offset=(25, 0))
            assert app.told == ["/"]
            await pilot.resize_terminal(60, 4)
            await pilot.pause()
            assert text_of(app)[1] == "enter open  / filter  [red] hostile  ? help"

    asyncio.run(drive())
