"""The laws of the drawn job graph."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import Place
from pipelines.graph_text import draw, facts, matrix_count
from pipelines.model import Job, Strategy, Tree, Workflow
from pipelines.template import Template

HERE = Place(1, 1)


def job(key: str, *needs: str, matrix: Tree = None) -> Job:
    return Job(key, HERE, needs=needs, strategy=Strategy(matrix, HERE) if matrix is not None else None)


def workflow(*jobs: Job) -> Workflow:
    return Workflow("ci.yml", "CI", (), {one.key: one for one in jobs})


SAMPLE = workflow(
    job("checkout"),
    job("setup", "checkout"),
    job("lint", "setup"),
    job("unit", "setup", matrix={"n": [1, 2, 3]}),
    job("build", "lint", "unit", "checkout"),
    job("deploy", "build", matrix={"to": Template.parse("${{ fromJSON(vars.list) }}")}),
)


def test_a_job_hangs_under_its_last_need_and_names_those_that_are_not_implied() -> None:
    assert draw(SAMPLE) == "\n".join(
        [
            "CI: 6 jobs in 5 layers",
            "",
            "checkout ─► setup",
            "            ├─► lint",
            "            └─► unit ×3 ─► build (+ lint) ─► deploy ×?",
        ]
    )


def test_ascii_draws_the_same_tree() -> None:
    assert draw(SAMPLE, ascii=True).splitlines()[2:] == [
        "checkout -> setup",
        "            |-> lint",
        "            `-> unit x3 -> build (+ lint) -> deploy x?",
    ]


def test_a_tree_that_leans_too_far_becomes_a_list_by_layers() -> None:
    assert draw(SAMPLE, width=8).splitlines()[2:] == [
        "1  checkout",
        "2  setup ◄─ checkout",
        "3  lint ◄─ setup",
        "   unit ×3 ◄─ setup",
        "4  build ◄─ lint, unit, checkout",
        "5  deploy ×? ◄─ build",
    ]


def test_many_needs_are_counted() -> None:
    keys = [f"part-number-{n}" for n in range(20)]
    drawn = draw(workflow(*map(job, keys), job("end", *keys)))
    assert drawn.endswith("part-number-19\n  ─► end (+ part-number-0, part-number-1, part-number-2 and 16 more)")


def test_one_job_is_one_line() -> None:
    assert draw(workflow(job("only"))) == "CI: 1 job in 1 layer\n\nonly"


def test_the_count_is_that_of_the_cells_or_unknown() -> None:
    assert matrix_count(job("a")) == 1
    assert matrix_count(job("a", matrix={"n": [1, 2], "m": [1, 2], "exclude": [{"n": 1, "m": 1}]})) == 3
    assert matrix_count(job("a", matrix={"n": []})) is None
    assert matrix_count(job("a", matrix=Template.parse("${{ fromJSON(needs.a.outputs.m) }}"))) is None
    assert matrix_count(job("a", matrix={"n": Template.parse("${{ fromJSON('[1, 2]') }}")})) == 2


def test_json_has_every_edge_as_written() -> None:
    found = facts(SAMPLE)
    assert [(node["id"], node["layer"], node["count"]) for node in found["nodes"]][:4] == [
        ("checkout", 0, 1),
        ("setup", 1, 1),
        ("lint", 2, 1),
        ("unit", 2, 3),
    ]
    assert {"from": "checkout", "to": "build"} in found["edges"]


@given(st.data(), st.integers(20, 120))
def test_every_job_stands_there_once_within_the_width(data: st.DataObject, width: int) -> None:
    size = data.draw(st.integers(1, 14))
    jobs = [job("j0")]
    for n in range(1, size):
        needs = data.draw(st.lists(st.sampled_from([f"j{m}" for m in range(n)]), max_size=3, unique=True))
        jobs.append(job(f"j{n}", *needs))
    lines = draw(workflow(*jobs), width).splitlines()[2:]
    drawn = re.sub(r"\(\+[^)]*\)|◄─.*", "", "\n".join(lines))
    assert sorted(re.findall(r"j\d+", drawn)) == sorted(one.key for one in jobs)
    assert all(len(line) <= max(width, 45) for line in lines)


@pytest.mark.parametrize("shape", ["chain", "comb", "wide"])
def test_thousands_of_jobs_need_no_stack(shape: str) -> None:
    jobs = [job("j0")]
    for n in range(1, 3000):
        need = {"chain": n - 1, "comb": n - 1 if n % 2 else max(n - 2, 0), "wide": 0}[shape]
        jobs.append(job(f"j{n}", f"j{need}"))
    assert len(draw(workflow(*jobs))) < 400_000
