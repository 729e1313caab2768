"""What is told of a workflow's job graph."""

from pipelines.errors import Place
from pipelines.graph_facts import facts, matrix_count
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
