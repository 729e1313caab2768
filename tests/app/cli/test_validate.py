"""The laws of `treadle validate`."""

import json
from pathlib import Path

import pytest

from app.cli.main import main

GOOD = "on: push\njobs: {a: {runs-on: x, steps: [run: x]}}\n"
BAD = "on: psh\npermissions: read-all\njobs: {a: {runs-on: x, steps: [run: x]}}\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_findings_are_lines_that_editors_jump_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = write(tmp_path, "bad.yml", BAD), write(tmp_path, "good.yml", GOOD)
    assert main(["validate", str(bad), str(good)]) == 2
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        f"{bad}:1:5: error: on has no event 'psh' (did you mean 'push'?)",
        f"{bad}:2:14: warning: permissions has no effect: Treadle issues no GitHub token "
        "(a token of yours, kept with `treadle secret set GITHUB_TOKEN`, may do what it was made for)",
    ]
    assert shown.err == "2 files: 1 error, 1 warning.\n"


def test_json_is_one_line_a_file_with_the_path_as_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "bad.yml", BAD)
    write(tmp_path, "good.yml", GOOD)
    monkeypatch.chdir(tmp_path)
    assert main(["validate", "--json", "./bad.yml", "good.yml"]) == 2
    shown = capsys.readouterr()
    bad, good = map(json.loads, shown.out.splitlines())
    assert (bad["path"], good, shown.err) == ("./bad.yml", {"path": "good.yml", "findings": []}, "")
    assert bad["findings"][0] == {
        "severity": "error", "line": 1, "column": 5, "message": "on has no event 'psh'", "hint": "did you mean 'push'?",
    }  # fmt: skip


def test_without_a_path_the_first_workflows_folder_counts_and_the_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, ".github/workflows/bad.yml", BAD)
    write(tmp_path, ".treadle/workflows/good.yaml", GOOD)
    write(tmp_path, ".treadle/policy.yml", "good.yaml: {a: {retry: x}}\n")
    assert main(["validate", "--repo", str(tmp_path)]) == 2
    assert ".treadle/policy.yml:1:24: error: retry must be a number" in capsys.readouterr().out


def test_warnings_alone_are_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(write(tmp_path, "w.yml", "permissions: {}\n" + GOOD))]) == 0
    assert capsys.readouterr().err == "1 file: 0 errors, 1 warning.\n"


def test_local_calls_are_looked_up_in_a_repository_that_was_named_or_that_holds_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "on: push\njobs: {a: {uses: ./missing.yml}}\n"
    caller = write(tmp_path, "caller.yml", text)
    assert main(["validate", str(caller)]) == 0
    assert main(["validate", "--repo", str(tmp_path), str(caller)]) == 2
    own = write(tmp_path, ".github/workflows/own.yml", text)
    assert main(["validate", str(own)]) == 0
    monkeypatch.chdir(tmp_path)
    assert main(["validate", ".github/workflows/own.yml"]) == main(["validate", ".github/workflows"]) == 2


@pytest.mark.parametrize("made", ["", "a folder"])
def test_a_path_that_cannot_be_checked_is_an_error(tmp_path: Path, made: str) -> None:
    path = tmp_path / "x"
    if made:
        path.mkdir()
    assert main(["validate", str(path)]) == 2


def test_a_repository_without_workflows_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--repo", str(tmp_path)]) == 2
    assert "no workflows" in capsys.readouterr().err


def test_what_a_file_holds_cannot_draw_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["validate", str(write(tmp_path, "x.yml", 'on: "a\\e[2Jb"\njobs: {a: {runs-on: x}}\n'))])
    assert "\x1b" not in capsys.readouterr().out
