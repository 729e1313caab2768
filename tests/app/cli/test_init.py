"""What `treadle init` promises."""

import json
from pathlib import Path

import pytest

from app.cli.init import GENERIC, SIGNS, choose, starters
from app.cli.main import main
from pipelines.parse import parse_workflow

CI = Path(".treadle", "workflows", "ci.yml")


def test_every_starter_that_can_be_chosen_exists_and_is_valid() -> None:
    assert {*SIGNS.values(), GENERIC} <= starters().keys()
    for name, path in starters().items():
        workflow = parse_workflow(path.read_bytes(), name)
        assert workflow.findings == ()
        assert workflow.jobs


@pytest.mark.parametrize(("sign", "name"), [*SIGNS.items(), ("README.md", GENERIC)])
def test_the_files_in_the_folder_choose_the_starter(tmp_path: Path, sign: str, name: str) -> None:
    (tmp_path / sign).touch()
    assert choose(tmp_path) == name
    assert main(["init", "--repo", str(tmp_path)]) == 0
    assert (tmp_path / CI).read_text() == starters()[name].read_text()


def test_a_folder_that_git_does_not_know_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--repo", str(tmp_path)]) == 0
    assert capsys.readouterr().err == "`git init` first, then `treadle run` runs it.\n"


def test_a_starter_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--repo", str(tmp_path), "--starter", "go", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(tmp_path / CI), "starter": "go"}


def test_a_file_that_is_there_is_never_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / CI).parent.mkdir(parents=True)
    (tmp_path / CI).write_text("mine")
    assert main(["init", "--repo", str(tmp_path)]) == 2
    assert (tmp_path / CI).read_text() == "mine"
    assert "is there already and stays as it is" in capsys.readouterr().err


def test_workflows_elsewhere_are_not_hidden_by_a_new_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "a.yml").touch()
    assert main(["init", "--repo", str(tmp_path)]) == 2
    assert not (tmp_path / ".treadle").exists()
    assert ".github/workflows" in capsys.readouterr().err


def test_the_starters_are_listed_each_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(starters())
    assert all(len(line.split()) > 1 for line in lines)
