"""The laws of a graph as plain text."""

import re
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.dag_reading import graphs
from widgets.dag_drawing import drawing
from widgets.dag_job import DagJob

SAMPLE = (
    DagJob(0, "checkout", "checkout", "pending"),
    DagJob(1, "setup", "setup", "pending", "", (0,)),
    DagJob(2, "lint", "lint", "pending", "", (1,)),
    DagJob(3, "unit", "unit ×3", "pending", "", (1,)),
    DagJob(4, "build", "build", "pending", "", (2, 3, 0)),
    DagJob(5, "deploy", "deploy ×?", "pending", "", (4,)),
)


def test_lines_lead_from_what_is_needed_to_what_needs_it():
    assert (
        drawing(SAMPLE)
        == dedent("""\
        checkout ─► setup ─┬─► lint ────┬─► build ─► deploy ×?
                           ╰─► unit ×3 ─╯""").splitlines()
    )


def test_ascii_draws_the_same():
    assert drawing(SAMPLE, ascii=True)[0] == "checkout -> setup -+-> lint ----+-> build -> deploy ×?"


def test_too_narrow_for_the_graph_it_is_an_outline():
    assert (
        drawing(SAMPLE, 40)
        == dedent("""\
        checkout
        └ setup
          ├ lint
          └ unit ×3
            └ build (+ lint)
              └ deploy ×?""").splitlines()
    )


def test_many_needs_are_counted():
    parts = [DagJob(n, "x", f"part-number-{n}", "pending") for n in range(20)]
    wall = [DagJob(20, "x", "a" * 80, "pending"), DagJob(21, "x", "end", "pending", "", tuple(range(20)))]
    assert drawing([*parts, *wall])[-2].endswith("└ end (+ part-number-0, part-number-1, part-number-2 and 16 more)")


def test_one_job_is_one_line_and_none_is_none():
    assert drawing(SAMPLE[:1]) == ["checkout"]
    assert drawing(()) == []


@given(graphs(groups=False), st.integers(20, 120))
def test_every_job_stands_there_once_within_the_width(jobs, width):
    lines = drawing(jobs, width)
    names = re.findall(r"job-\d+", re.sub(r"\(\+[^)]*\)", "", "\n".join(lines)))
    assert sorted(names) == sorted(job.name for job in jobs)
    assert all(len(line) <= max(width, 70) for line in lines)


@pytest.mark.parametrize("shape", ["chain", "comb", "wide"])
def test_thousands_of_jobs_need_no_stack(shape):
    jobs = [DagJob(0, "x", "j0", "pending")]
    for n in range(1, 3000):
        need = {"chain": n - 1, "comb": n - 1 if n % 2 else max(n - 2, 0), "wide": 0}[shape]
        jobs.append(DagJob(n, "x", f"j{n}", "pending", "", (need,)))
    assert len("\n".join(drawing(jobs))) < 400_000
