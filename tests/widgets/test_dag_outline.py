"""The laws of the outline, and pictures of it."""

from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.widgets.dag_reading import graphs, painted
from widgets.dag_graph import reduced
from widgets.dag_job import DagJob
from widgets.dag_outline import outline

RUN = (
    DagJob(1, "setup", "setup", "success", "31s"),
    DagJob(2, "lint", "lint", "success", "5s", (1,)),
    *(DagJob(10 + n, "unit", f"unit ({n})", "failed" if n == 2 else "running", "7s", (1,), "unit") for n in range(4)),
    DagJob(3, "build", "build", "pending", "", (2, 10, 11, 12, 13)),
    DagJob(4, "note", "note", "skipped"),
)


def shown(jobs=RUN, **how):
    return painted(outline(jobs, **how), jobs, how.get("ascii", False))


def test_a_job_hangs_below_its_last_need_and_names_the_others():
    assert (
        shown()
        == dedent("""\
        ✓ setup          success 31s
        ├ ✓ lint         success 5s
        └ ● ▸ unit       running 1/4 ▕▓▓▓▒▒▒▒▒▒▒▏ 1✗
          │   ✗ unit (2) failed 7s
          └ ○ build      pending + lint
        – note           skipped""").splitlines()
    )


def test_an_opened_matrix_lists_its_members_below_itself():
    assert (
        shown(opened={"unit"}, ascii=True)
        == dedent("""\
        v setup          success 31s
        |-v lint         success 5s
        `-* v unit       running 1/4 [xxx=======] 1x
          |   * unit (0) running 7s
          |   * unit (1) running 7s
          |   x unit (2) failed 7s
          |   * unit (3) running 7s
          `-. build      pending + lint
        - note           skipped""").splitlines()
    )


def test_a_narrow_pane_keeps_glyph_name_and_word():
    assert shown(width=30)[:3] == [
        "✓ setup         success 31s",
        "├ ✓ lint        success 5s",
        "└ ● ▸ unit      running 1/4 1✗",
    ]


@given(graphs(), st.sets(st.sampled_from("ab")), st.integers(20, 120), st.booleans())
def test_every_job_has_one_row_or_is_in_a_closed_fold_and_no_row_is_too_wide(jobs, opened, width, ascii):
    found = outline(jobs, opened, width, ascii)
    rows = painted(found, jobs, ascii)
    assert len(rows) == len(found.nodes) == found.height
    assert all(cell_len(row) <= width for row in rows)
    alone = [node.key for node in found.nodes if not node.is_fold]
    folded = [id for node in found.nodes if node.is_fold for id in node.members]
    assert len(alone) == len(set(alone))
    assert {*alone, *folded} == {job.id for job in jobs}
    for node in found.nodes:
        if node.is_fold and node.opened:
            assert set(node.members) <= set(alone)


@given(graphs(most=8, groups=False))
def test_a_need_stands_above_as_the_parent_or_is_told_behind_the_job_unless_it_is_implied(jobs):
    found = outline(jobs)
    needs = reduced([job.needs for job in jobs])
    for number, (node, box) in enumerate(zip(found.nodes, found.boxes, strict=True)):
        parents = {found.nodes[parent].key for parent in found.needs[number]}
        told = {int(name.removeprefix("job-")) for name in box.more.split(" and ")[0].split(", ") if name}
        assert all(parent < number for parent in found.needs[number])
        assert parents | told <= set(needs[node.key])
        assert len(needs[node.key]) > 4 or parents | told == set(needs[node.key])


def test_a_deep_chain_keeps_room_for_its_names_and_needs_no_stack():
    jobs = [DagJob(id, f"j{id}", f"job-{id}", "pending", "", (id - 1,) if id else ()) for id in range(3000)]
    rows = shown(jobs, width=60)
    assert len(rows) == 3000
    assert "job-2999" in rows[-1]
