"""What `treadle graph` promises."""

import json
from pathlib import Path

import pytest

from app.cli.main import main

CI = """
name: Build all
on: push
jobs:
  a: {runs-on: x, steps: [{run: 'true'}]}
  b: {runs-on: x, needs: a, steps: [{run: 'true'}]}
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text(CI)
    (folder / "broken.yml").write_text("on: push\n")
    return tmp_path


@pytest.mark.parametrize("name", ["ci", "ci.yml", ".github/workflows/ci.yml", "Build all"])
def test_a_workflow_is_found_by_file_or_by_name(repo: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", name, "--repo", str(repo)]) == 0
    assert capsys.readouterr().out == "Build all: 2 jobs in 2 layers\n\na ─► b\n"


def test_a_path_needs_no_repository(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "--ascii", str(repo / ".github/workflows/ci.yml")]) == 0
    assert capsys.readouterr().out.endswith("a -> b\n")


def test_json_holds_nodes_and_edges(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "ci", "--json", "--repo", str(repo)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [node["id"] for node in found["nodes"]] == ["a", "b"]
    assert found["edges"] == [{"from": "a", "to": "b"}]


CALLING = """
name: All
on: push
jobs:
  a: {runs-on: x, steps: [{run: 'true'}]}
  call: {needs: a, uses: ./.github/workflows/inner.yml}
  far: {uses: acme/ci/.github/workflows/b.yml@v1}
  z: {needs: call, runs-on: x, steps: [{run: 'true'}]}
"""
INNER = """
on: workflow_call
jobs:
  one: {runs-on: x, strategy: {matrix: {n: [1, 2]}}, steps: [{run: 'true'}]}
  two: {needs: one, uses: ./.github/workflows/last.yml}
"""
LAST = "on: workflow_call\njobs: {x: {runs-on: x, steps: [{run: 'true'}]}}"


def test_the_jobs_of_called_workflows_are_drawn_where_their_files_are_there(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("all", CALLING), ("inner", INNER), ("last", LAST)):
        (repo / f".github/workflows/{name}.yml").write_text(text)
    assert main(["graph", "all", "--repo", str(repo), "--ascii"]) == 0
    heading, _, *drawn = capsys.readouterr().out.splitlines()
    assert heading == "All: 7 jobs in 6 layers"
    assert drawn[0].endswith("-> call/two -> call/two/x -> z")
    assert main(["graph", "all", "--repo", str(repo), "--json"]) == 0
    nodes = {node["id"]: node for node in json.loads(capsys.readouterr().out)["nodes"]}
    assert {key: node["caller"] for key, node in nodes.items()} == {
        "a": None, "call": None, "far": None, "call/one": "call", "call/two": "call", "call/two/x": "call/two",
        "z": None,
    }  # fmt: skip
    assert (nodes["call/two"]["needs"], nodes["call/one"]["count"], nodes["z"]["layer"]) == (["call/one"], 2, 5)


def test_a_broken_file_is_explained_and_an_unknown_name_answered_with_the_nearest(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", "broken", "--repo", str(repo)]) == 2
    assert ".github/workflows/broken.yml:1:1: error: " in capsys.readouterr().err
    assert main(["graph", "Build al", "--repo", str(repo)]) == 2
    assert "Did you mean 'Build all'?" in capsys.readouterr().err


def test_a_folder_without_workflows_is_told_of_init(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "ci", "--repo", str(tmp_path)]) == 2
    assert "treadle init" in capsys.readouterr().err


def test_the_first_folder_hides_the_others(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = repo / ".treadle" / "workflows"
    own.mkdir(parents=True)
    (own / "ci.yaml").write_text(CI.replace("Build all", "Own"))
    assert main(["graph", "ci", "--repo", str(repo)]) == 0
    assert capsys.readouterr().out.startswith("Own: ")
