"""A budget is full only when nothing was spent and empty only when nothing is left."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from tests.widgets.screen import text_of
from widgets.gauge import Gauge, gauge


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "####"), (0.99, "###."), (0.5, "##.."), (0.01, "#..."), (0.0, "...."), (-2.0, "...."), (7.0, "####")],
)
def test_a_bar_is_filled_by_its_share(share, text):
    assert gauge(share, 4, ascii=True) == text


@given(st.floats(-2, 2), st.integers(0, 40))
def test_a_bar_has_exactly_its_cells(share, width):
    assert len(gauge(share, width)) == width


class Stage(App[object]):
    def compose(self) -> ComposeResult:
        yield Gauge()


@pytest.mark.parametrize(
    ("left", "width", "text"),
    [
        (0.5, 70, "trigger  2.1 s of 5 s  " + "█" * 10 + "░" * 10 + "  50 % of budget left"),
        (-0.8, 70, "trigger  2.1 s of 5 s  " + "░" * 20 + "  budget overdrawn by 80 %"),
        (None, 70, "trigger  2.1 s of 5 s  nothing happened"),
        (0.5, 48, "trigger  2.1 s of 5 s  50 % of budget left"),
        (0.5, 12, "trigger  2.…"),
    ],
)
def test_a_promise_is_told_in_words_beside_its_bar(left, width, text):
    async def drive() -> None:
        app = Stage()
        async with app.run_test(size=(width, 3)) as pilot:
            app.query_one(Gauge).show("trigger", "2.1 s of 5 s", left)
            await pilot.pause()
            assert text_of(app)[0] == text
            assert sum(cell_len(piece.text) for piece in app.query_one(Gauge).pieces(width)) <= width

    asyncio.run(drive())
