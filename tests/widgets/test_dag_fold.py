"""How jobs become nodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.dag_reading import STATUSES, graphs
from widgets.dag_fold import PULLED, fold, shares, status_of
from widgets.dag_graph import circle
from widgets.dag_job import DagJob


def cell(id: int, status: str = "success", needs: tuple[int, ...] = (), group: str | None = "unit") -> DagJob:
    return DagJob(id, group or "x", f"{group or 'x'} ({id})", status, "", needs, group)


def keys(jobs, *opened, **how):
    return [node.key for node in fold(jobs, opened, **how)]


def test_three_cells_fold_and_two_do_not():
    assert keys([cell(1), cell(2), cell(3)]) == ["unit"]
    assert keys([cell(1), cell(2)]) == [1, 2]


def test_an_opened_matrix_shows_its_members():
    assert keys([cell(1), cell(2), cell(3)], "unit") == [1, 2, 3]


def test_a_failed_member_stands_alone_and_the_fold_no_longer_holds_it():
    nodes = fold([cell(1), cell(2, "failed"), cell(3), cell(4, "timed_out")])
    assert [(node.key, node.members) for node in nodes] == [("unit", (1, 3)), (2, (2,)), (4, (4,))]


def test_one_that_is_left_is_no_fold():
    assert keys([cell(1, "failed"), cell(2, "failed"), cell(3)]) == [1, 2, 3]


def test_a_matrix_that_failed_as_a_whole_stays_small():
    nodes = fold([cell(id, "failed") for id in range(50)])
    assert len(nodes) == PULLED + 1
    assert max(len(node.members) for node in nodes) == 50 - PULLED


def test_needs_are_those_of_all_members_without_the_node_itself():
    first, *rest = fold([cell(0, group=None), *(cell(id, needs=(0,)) for id in (1, 2, 3)), cell(4, "x", (1, 2), None)])
    assert first.needs == ()
    assert [node.needs for node in rest] == [(0,), (1,)]


def test_an_unknown_need_is_passed_over():
    assert fold([cell(1, needs=(99,), group=None)])[0].needs == ()


def test_a_fold_that_would_close_a_circle_stays_open_and_others_do_not():
    jobs = [
        cell(1),
        cell(2),
        cell(10, needs=(1,), group="b"),
        cell(11, group="b"),
        cell(12, group="b"),
        cell(3, needs=(10,)),
    ]
    apart = [cell(id, group="c") for id in (20, 21, 22)]
    found = keys([*jobs, *apart])
    assert "c" in found
    assert len({"unit", "b"} & set(found)) == 1


def test_needs_in_a_circle_are_refused():
    with pytest.raises(ValueError, match="circle"):
        fold([cell(1, needs=(2,), group=None), cell(2, needs=(1,), group=None)])


@given(graphs(), st.sets(st.sampled_from("ab")), st.booleans())
def test_every_job_is_in_one_node_and_folding_makes_no_circle(jobs, opened, pull):
    nodes = fold(jobs, opened, pull)
    assert sorted(id for node in nodes for id in node.members) == sorted(job.id for job in jobs)
    assert circle([node.needs for node in nodes]) == []
    assert all(len(node.members) == 1 for node in nodes if not node.is_fold or node.key in opened)


@given(graphs())
def test_every_need_of_a_job_is_a_need_of_its_node(jobs):
    nodes = fold(jobs)
    of = {id: number for number, node in enumerate(nodes) for id in node.members}
    wanted = {(of[need], of[job.id]) for job in jobs for need in job.needs if of[need] != of[job.id]}
    assert wanted == {(need, number) for number, node in enumerate(nodes) for need in node.needs}


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (["success", "running", "failed"], "running"),
        (["success", "queued"], "queued"),
        (["success", "failed", "skipped"], "failed"),
        (["success", "skipped"], "success"),
        (["skipped", "skipped"], "skipped"),
        (["odd"], "odd"),
        ([], "pending"),
    ],
)
def test_a_fold_says_what_still_moves_before_what_is_over(statuses, said):
    assert status_of(statuses) == said


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=300), st.integers(4, 12))
def test_a_bar_is_full_and_shows_every_kind_that_there_is(statuses, cells):
    found = dict(shares(statuses, cells))
    assert sum(found.values()) == cells
    assert all(found.values())
    assert ("failed" in found) == bool({"failed", "timed_out"} & set(statuses))


def test_a_bar_is_to_scale():
    assert shares(["success"] * 6 + ["running"] * 2 + ["queued"] * 2, 10) == (
        ("success", 6),
        ("running", 2),
        ("pending", 2),
    )
