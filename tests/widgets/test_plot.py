"""A plot draws each value where it belongs and says what its lines and edges mean."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from tests.widgets.screen import text_of
from widgets.plot import Plot, PlotProp, Series, chart
from widgets.plot_dots import braille, dots, row_of

VALUES = st.lists(st.none() | st.floats(0, 1e6), max_size=40)


@given(VALUES, st.integers(0, 60), st.integers(0, 40), st.floats(0.1, 1e6))
def test_every_dot_is_within_the_chart_and_every_value_has_one(values, columns, rows, high):
    drawn = dots(values, columns, rows, 0.0, high)
    assert all(0 <= column < columns and 0 <= row < rows for column, row in drawn)
    measured = [value for value in values if value is not None]
    if columns and rows:
        assert {row_of(value, rows, 0.0, high) for value in measured} <= {row for _, row in drawn}


@given(st.floats(0, 100), st.floats(0, 100), st.integers(1, 50))
def test_a_larger_value_is_never_lower(one, other, rows):
    assert row_of(max(one, other), rows, 0, 100) <= row_of(min(one, other), rows, 0, 100)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ((0.0, 1.0), {(0, 3), (1, 2), (2, 1), (3, 0)}),
        ((0.0, None, 1.0), {(0, 3), (3, 0)}),
        ((1.0,), {(0, 0)}),
        ((), set()),
    ],
)
def test_a_line_joins_what_was_measured_and_leaves_gaps(values, drawn):
    assert dots(values, 4, 4, 0.0, 1.0) == drawn


def test_braille_has_two_by_four_dots_in_a_cell():
    assert braille({(0, 0), (1, 3), (2, 4)}) == {(0, 0): 0x81, (1, 1): 0x01}


@given(st.lists(VALUES.map(tuple), max_size=4), st.integers(0, 60), st.integers(0, 20), st.booleans())
def test_a_chart_has_exactly_its_cells(lines, width, height, ascii):
    prop = PlotProp("t", tuple(Series(f"p{n}", values) for n, values in enumerate(lines)), target=5.0)
    rows = chart(prop, width, height, ascii)
    assert [len(row) for row in rows] == [width] * height
    assert all(len(cell.char) == 1 for row in rows for cell in row)


@given(VALUES, st.none() | st.floats(0, 1e6))
def test_nothing_is_above_the_top(values, target):
    prop = PlotProp(series=(Series("a", tuple(values)),), target=target)
    assert all(value <= prop.high * (1 + 1e-9) for value in [*prop.values, target or 0.0])


class Stage(App[object]):
    def compose(self) -> ComposeResult:
        yield Plot()


PROP = PlotProp(
    "trigger",
    (Series("p95", (1.0, 2.0, 8.0, 3.0)), Series("p50", (0.5, 0.5, None, 1.0))),
    target=5.0,
    since="24 h ago",
)


def test_axes_target_and_last_values_are_told():
    async def drive() -> None:
        app = Stage()
        async with app.run_test(size=(60, 12)) as pilot:
            plot = app.query_one(Plot)
            await pilot.pause()
            assert text_of(app)[1] == "nothing measured yet"
            plot.show(PROP)
            await pilot.pause()
            lines = text_of(app)
            assert lines[0] == "trigger  ▪ p95 3.0 s  ▪ p50 1.0 s  ╌╌ target 5.0 s"
            assert lines[1].startswith("8 s ┤")
            assert any(line.startswith("5 s ┤") and "╌╌" in line for line in lines)
            assert lines[9].startswith("  0 ┤")
            assert re.match(r"    └─+$", lines[10])
            assert re.match(r"     24 h ago +now$", lines[11])
            plot.ascii = True
            await pilot.pause()
            assert "".join(text_of(app)).isascii()
            assert "*" in "".join(text_of(app)[1:]) and "+" in "".join(text_of(app)[1:])

    asyncio.run(drive())


def test_a_share_is_plotted_in_percent_from_where_it_matters():
    async def drive() -> None:
        app = Stage()
        async with app.run_test(size=(60, 8)) as pilot:
            app.query_one(Plot).show(PlotProp("done", (Series("all", (0.97, 0.995)),), 0.99, "%", low=0.9))
            await pilot.pause()
            lines = text_of(app)
            assert lines[0] == "done  ▪ all 99.5 %  ╌╌ target 99 %"
            assert lines[5].startswith(" 90 % ┤")

    asyncio.run(drive())


def test_a_plot_survives_every_size_and_hostile_names():
    async def drive() -> None:
        app = Stage()
        async with app.run_test(size=(60, 8)) as pilot:
            app.query_one(Plot).show(
                PlotProp("\x1b[2J", (Series("[red]\x07", (1.0, 9.0)),), 99.0, since="\x9b", until="\r")
            )
            for size in ((60, 8), (10, 6), (3, 3), (1, 1)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(text_of(app)))

    asyncio.run(drive())
