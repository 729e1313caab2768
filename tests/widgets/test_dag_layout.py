"""The laws of the drawn graph, and a few pictures of it."""

from dataclasses import replace
from itertools import pairwise
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.widgets.dag_reading import edges, graphs, overlaps, painted, reached
from widgets.dag_drawing import drawing
from widgets.dag_fold import fold
from widgets.dag_graph import reduced
from widgets.dag_job import DagJob
from widgets.dag_layers import layered
from widgets.dag_layout import graph
from widgets.dag_lines import Kin, Kinship
from widgets.dag_picture import Picture
from widgets.dag_rows import rows, spread

WIDE = 9999


def jobs(text: str, status: str = "success") -> tuple[DagJob, ...]:
    """`a b<a c<a,b`: jobs and what they need."""
    words = [word.partition("<") for word in text.split()]
    ids = {name: number for number, (name, _, _) in enumerate(words)}
    return tuple(
        DagJob(ids[name], name, name, status, "2s", tuple(ids[need] for need in needs.split(",") if need))
        for name, _, needs in words
    )


def drawn(some: tuple[DagJob, ...], width: int = WIDE, **how) -> Picture:
    found = graph(some, width=width, **how)
    assert found is not None
    return found


def matrix(key: str, count: int, first: int, needs: tuple[int, ...], **statuses: str) -> list[DagJob]:
    return [
        DagJob(first + n, key, f"{key} ({n})", statuses.get(f"s{n}", "success"), "9s", needs, key) for n in range(count)
    ]


PICTURES = {
    "a diamond": ("head lint<head test<head ship<lint,test", """
        head ─┬─► lint ─┬─► ship
              ╰─► test ─╯
        """),
    "a chain, one beside it, and an implied need that is left out": ("a b<a c<b,a d<a,c x y<x", """
        a ─► b ─► c ─► d
        x ─► y
        """),
    "one of two needs is shared": ("lint type make<lint,type docs<type", """
        lint ───╮
              ╭─┴─► make
        type ─┴───► docs
        """),
    "all from all, and one from one": ("a b c d<a,b,c e<a,b,c f<c", """
        a ───┬─► d
        b ───┼─► e
        c ─┬─╯
           ╰───► f
        """),
    "a long edge takes a lane": ("a b<a c<b d<a,c e<a f<d,e", """
        a ─┬─► b ─► c ─► d ─┬─► f
           ╰─► e ───────────╯
        """),
    "lanes to one place are shared": ("a b<a c<b d e f<c,d,e", """
        a ───► b ─► c ─╮
        d ─┬───────────┴─► f
        e ─╯
        """),
    "a line leads over another": ("a b c<a d<b e<a,d f<b,c", """
           ╭────────┬─► e
        a ─┤ ╭─► d ─╯
        b ─│─┤
           ╰─│─► c ─┬─► f
             ╰──────╯
        """),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture(name):
    text, wanted = PICTURES[name]
    assert "\n".join(drawing(jobs(text))) == dedent(wanted).strip("\n")


def test_a_matrix_is_folded_and_its_failed_member_stands_alone():
    some = (*jobs("setup"), *matrix("unit", 9, 10, (0,), s3="failed", s4="running"))
    some += (DagJob(1, "ship", "ship", "pending", "", (0, *range(10, 19))),)
    assert (
        painted(drawn(some, ascii=True), some, ascii=True)
        == dedent("""\
        v setup success 2s -------------+-> * unit running 7/8 [#######=] -----+-> . ship pending
                                        +-> x unit (3) failed 9s --------------+""").splitlines()
    )


def test_what_is_too_wide_loses_bars_notes_and_the_middle_of_names_but_never_the_word():
    some = (*jobs("setup a-very-long-name-of-a-job<setup"), *matrix("unit", 4, 10, (1,)))
    texts = ["\n".join(painted(drawn(some, width), some)) for width in (120, 90, 75)]
    assert all(text.count("success") == 3 for text in texts)
    assert "a-very-long-name-of-a-job success 2s" in texts[0]
    assert "a-very-l…f-a-job success 2s" in texts[1]
    assert "a-very…a-job success" in texts[2]
    assert graph(some, width=60) is None
    assert drawn(some, 60, must=True).width > 60


@given(graphs(), st.sets(st.sampled_from("ab")))
def test_every_job_stands_there_once_and_no_boxes_overlap(some, opened):
    found = drawn(some, opened=opened)
    assert sorted(id for node in found.nodes for id in node.members) == [job.id for job in some]
    assert not overlaps([(box.y, box.x, box.x + box.width) for box in found.boxes])
    assert all(box.x + box.width <= found.width and box.y < found.height for box in found.boxes)
    assert sorted(number for column in found.columns for number in column) == list(range(len(found.nodes)))


@given(graphs(most=20, groups=False))
def test_the_lines_lead_from_each_job_to_those_that_need_it_and_to_no_other(some):
    found = drawn(some)
    assert edges(found) == {
        (need, node) for node, needs in enumerate(reduced([job.needs for job in some])) for need in needs
    }
    assert {(node, other) for node in range(len(found.nodes)) for other in reached(found, node)} == edges(found)


@given(graphs(), st.sets(st.sampled_from("ab")))
def test_folded_graphs_are_read_as_truly(some, opened):
    found = drawn(some, opened=opened)
    assert {(node, other) for node in range(len(found.nodes)) for other in reached(found, node)} == edges(found)


@given(graphs(most=16, groups=False))
def test_a_part_takes_no_more_rows_than_its_longest_column_before_lines_ask_for_more(some):
    layers = layered(reduced([job.needs for job in some]))
    columns, row = rows(layers)
    for column in columns:
        assert [row[item] for item in column] == sorted({row[item] for item in column})
    assert max(row) < sum(max(len(column) for column in part) for part in [columns]) + len(some)


@given(st.lists(st.floats(-50, 50), max_size=12))
def test_spread_places_are_in_order_and_apart(wishes):
    found = spread(wishes)
    assert all(b - a >= 1 - 1e-9 for a, b in pairwise(found))
    apart = all(b - a >= 1 for a, b in pairwise(wishes))
    assert not apart or found == pytest.approx(wishes)


@given(graphs())
def test_ascii_draws_the_same_cells_with_other_characters(some):
    fancy, plain = drawn(some), drawn(some, ascii=True)
    assert fancy.boxes == plain.boxes
    assert all("".join(line).isascii() for line in plain.lines)
    assert [[c != " " for c in line] for line in fancy.lines] == [[c != " " for c in line] for line in plain.lines]


@given(graphs(), st.sampled_from(["pending", "cancelled", "timed_out"]))
def test_a_status_changes_no_box(some, status):
    calm = tuple(DagJob(job.id, job.key, job.name, "success", "1s", job.needs, job.group) for job in some)
    other = tuple(
        DagJob(job.id, job.key, job.name, status if job.group is None else "running", "59m 59s", job.needs, job.group)
        for job in some
    )
    one, two = drawn(calm), drawn(other)
    assert (one.boxes, one.lines) == (two.boxes, two.lines)
    for box, node in zip(two.boxes, two.nodes, strict=True):
        assert cell_len(painted(two, other)[box.y][box.x : box.x + box.width]) <= box.width, node


@given(graphs(most=12, groups=False), st.data())
def test_only_lines_between_kin_are_lit_and_all_of_them(some, data):
    found = drawn(some)
    number = data.draw(st.integers(0, len(some) - 1))
    kin = Kinship(found, some).of(number)
    lit = replace(found, lines=tuple(lit_line(found, kin, y) for y in range(found.height)))
    up, down = ancestors(some, number), {node for node in range(len(some)) if number in ancestors(some, node)}
    assert kin.nodes == up | down | {number}
    for source, target in edges(found):
        if {source, target} <= up | {number} or {source, target} <= down | {number}:
            assert target in reached(lit, source)
    unrelated = {target for node in set(range(len(some))) - kin.nodes for target in found.needs[node]} - kin.nodes
    for node in unrelated:
        box = found.boxes[node]
        assert box.x + box.width not in kin.cells.get(box.y, ()), "the line that leaves a stranger"


def lit_line(picture: Picture, kin: Kin, y: int) -> str:
    """What is lit of a row, and its bridges: these are lit for the vertical line alone."""
    lit = kin.cells.get(y, frozenset()) | {x for x, row in picture.bridges if row == y}
    return "".join(char if x in lit else " " for x, char in enumerate(picture.lines[y]))


def ancestors(some: tuple[DagJob, ...], number: int) -> set[int]:
    found: set[int] = set()
    waiting = [number]
    while waiting:
        fresh = set(some[waiting.pop()].needs) - found
        found |= fresh
        waiting += fresh
    return found


@pytest.mark.parametrize("text", ["", "one", "a b c"])
def test_without_edges_there_are_no_lines(text):
    some = jobs(text)
    assert "".join(drawn(some).lines).strip() == ""
    assert len(fold(some)) == drawn(some).height


def test_thousands_of_jobs_need_no_stack():
    chain = tuple(DagJob(id, "x", "x", "success", "", (id - 1,) if id else ()) for id in range(3000))
    wide = tuple(DagJob(id, "x", "x", "success", "", (0,) if id else ()) for id in range(3000))
    assert graph(chain, width=400) is None
    assert drawn(wide).height == 2999
