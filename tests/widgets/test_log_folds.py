"""The laws of folds: rows and lines in the same order, each visible line on one row, whatever is open."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from widgets.log_folds import DEEPEST, ChosenRows, Fold, FoldedRows
from widgets.log_source import LogStep, Mark

KINDS = ["line", "line", "line", "begin", "end", "group", "endgroup", "error"]


def marks_of(words: list[str]) -> tuple[int, list[Mark], set[int]]:
    """Return how many lines a log has of which each word is one, its marks, and the lines that may end a group."""
    marks: list[Mark] = []
    line, step, running, ends = 0, -1, False, set()
    for word in words:
        if word == "begin":
            step, running = step + 1, True
            marks.append(Mark("step_begin", step, line, line * 10))
            continue
        if word == "end":
            if running:
                marks.append(Mark("step_end", step, line, line * 10))
            running = False
            continue
        kinds = {"group": "group_begin", "endgroup": "group_end", "error": "error"}
        if word in kinds:
            marks.append(Mark(kinds[word], step if running else -1, line, line * 10))
        if word == "endgroup":
            ends.add(line)
        line += 1
    return line, marks, ends


def steps_of(marks: list[Mark], more: int) -> tuple[LogStep, ...]:
    last = max((mark.step for mark in marks), default=-1)
    return tuple(LogStep(index, f"s{index}", "skipped" if index > last else "success") for index in range(last + more))


LOGS = st.lists(st.sampled_from(KINDS), max_size=40)


def check(rows: FoldedRows, ends: set[int]) -> None:
    seen: list[int] = []
    for number in range(len(rows)):
        row = rows.row(number)
        if row.is_step:
            assert rows.number_of(*row.place) == number
            continue
        assert rows.number_of(row.line) == number
        seen.append(row.line)
    assert seen == sorted(set(seen))
    assert seen == [line for first, end in rows.lines(0, rows.count) for line in range(first, end)]
    for line in range(rows.count):
        around = rows.around(line)
        hidden = any(not fold.open and (fold.is_step or fold.first != line) for fold in around)
        closing = line in ends and any(fold.end - 1 == line and fold.tail for fold in around)
        assert (line in seen) == (not hidden and not closing), line
        if hidden:  # it is found where it is hidden
            head = next(fold for fold in around if not fold.open and (fold.is_step or fold.first != line))
            row = rows.row(rows.number_of(line))
            assert row.head is head


@settings(max_examples=300, deadline=None)
@given(LOGS, st.integers(0, 3), st.booleans(), st.randoms())
def test_each_visible_line_has_one_row_in_order(words, more, ended, rand):
    count, marks, ends = marks_of(words)
    rows = FoldedRows()
    rows.build(count, marks, steps_of(marks, more), ended=ended)
    closed = {fold.key for fold in rows.folds if rand.random() < 0.4}
    rows.arrange(lambda fold: fold.key not in closed)
    check(rows, ends)


@settings(max_examples=300, deadline=None)
@given(LOGS, st.integers(0, 3), st.lists(st.integers(1, 3), max_size=4), st.integers(0, 99))
def test_lines_that_come_later_make_the_same_rows_as_if_they_had_been_there(words, more, growth, seed):
    count, marks, _ = marks_of(words)
    steps = steps_of(marks, more)
    rows = FoldedRows()
    rows.build(count, marks, steps, ended=False)
    closed = {fold.key for fold in rows.folds if random.Random(f"{seed}{fold.key}").random() < 0.3}
    rows.arrange(lambda fold: fold.key not in closed)
    for lines in growth:
        count += lines
        rows.grow(count)
        fresh = FoldedRows()
        fresh.build(count, marks, steps, ended=False)
        fresh.arrange(lambda fold: fold.key not in closed)
        assert [rows.row(n).place for n in range(len(rows))] == [fresh.row(n).place for n in range(len(fresh))]
        assert [rows.row(n).depth for n in range(len(rows))] == [fresh.row(n).depth for n in range(len(fresh))]


def shape(words: str, closed: str = "", **more) -> list[str]:
    """Return the rows as text: words are lines, `<` and `>` begin and end a step."""
    given = ["begin" if w == "<" else "end" if w == ">" else w for w in words.split()]
    names = [word for word in given if word not in ("begin", "end")]
    count, marks, _ = marks_of([word if word in KINDS else "line" for word in given])
    rows = FoldedRows()
    rows.build(count, marks, steps_of(marks, 1), ended=True)

    def is_open(fold: Fold) -> bool:
        return (f"s{fold.step}" if fold.is_step else f"g{fold.first}") not in closed.split()

    rows.arrange(is_open)
    found = []
    for number in range(len(rows)):
        row = rows.row(number)
        found.append("  " * row.depth + (f"s{row.head.step}" if row.is_step else names[row.line]))
    return found


@pytest.mark.parametrize(
    ("words", "closed", "rows"),
    [
        ("a b", "", ["a", "b"]),
        ("< a > < b >", "", ["s0", "  a", "s1", "  b"]),
        ("< a > < b >", "s0", ["s0", "s1", "  b"]),
        ("a < b > c", "", ["a", "s0", "  b", "c"]),
        ("< a < b", "", ["s0", "  a", "s1", "  b"]),
        ("< group a endgroup b >", "", ["s0", "  group", "    a", "  b"]),
        ("< group a endgroup b >", "g0", ["s0", "  group", "  b"]),
        ("< group a >", "", ["s0", "  group", "    a"]),
        ("< group a group b endgroup endgroup c >", "g2", ["s0", "  group", "    a", "    group", "  c"]),
        ("group a endgroup < b >", "g0", ["group", "s0", "  b"]),
        ("< > < a >", "", ["s0", "s1", "  a"]),
    ],
)
def test_steps_and_groups_nest(words, closed, rows):
    assert shape(words, closed) == rows


def test_a_step_that_said_nothing_keeps_its_place():
    count, marks, _ = marks_of(["begin", "line", "end"])
    late = [Mark("step_begin", 4, 1, 10), Mark("step_end", 4, 1, 10)]
    steps = tuple(LogStep(n, "", "skipped" if n in (2, 5) else "pending" if n == 6 else "success") for n in range(7))
    rows = FoldedRows()
    rows.build(count, [*marks, *late], steps, ended=True)
    rows.arrange(lambda _: True)
    heads = [rows.row(number).head for number in range(len(rows))]
    assert [head.step for head in heads if head] == [0, 1, 2, 3, 4, 5]


def test_groups_that_never_end_nest_no_deeper_than_a_screen_can_show():
    count, marks, _ = marks_of(["begin"] + ["group"] * 20_000)
    rows = FoldedRows()
    rows.build(count, marks, (), ended=False)
    rows.arrange(lambda _: True)
    assert max(fold.depth for fold in rows.folds) == DEEPEST
    assert len(rows) == 20_001


def test_chosen_rows_are_the_lines_chosen():
    rows = ChosenRows([3, 5, 9])
    assert [rows.row(number).line for number in range(len(rows))] == [3, 5, 9]
    assert [rows.number_of(line) for line in (0, 3, 4, 9, 20)] == [0, 0, 1, 2, 2]
    assert rows.lines(4, 9) == [(5, 6), (9, 10)]
