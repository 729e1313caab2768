import json
from pathlib import Path

import pytest

from app.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["expr", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_value_is_printed_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    context = tmp_path / "context.json"
    context.write_text(json.dumps({"github": {"ref": "refs/heads/main"}, "own": {"list": [1.0, "é"]}}))
    assert run(capsys, "github.ref", "--context", str(context)) == (0, '"refs/heads/main"\n', "")
    assert run(capsys, "own.list", "--json", "--context", str(context)) == (0, '[1, "é"]\n', "")
    assert run(capsys, "success() && !failure()") == (0, "true\n", "")
    assert run(capsys, "Infinity") == (0, '"Infinity"\n', "")


def test_control_characters_never_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, """fromJSON('"\\u001b[2J\\u009b\\u007f"')""")
    assert (code, out) == (0, '"\\u001b[2J\\u009b\\u007f"\n')


def test_a_fault_is_shown_with_a_caret_under_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "true &&\n  githb.ref")
    assert (code, out) == (2, "")
    assert err == "treadle: Unknown context 'githb'; did you mean 'github'?\n    githb.ref\n    ^\n"


def test_an_expression_that_cannot_be_evaluated_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "fromJSON('{')")
    assert (code, out) == (2, "")
    assert "not valid JSON" in err


@pytest.mark.parametrize("content", [None, "", "[1]", "{", b"\xff"])
def test_an_unusable_context_file_ends_with_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | bytes | None
) -> None:
    file = tmp_path / "context.json"
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    code, out, err = run(capsys, "1", "--context", str(file))
    assert (code, out) == (2, "")
    assert str(file) in err
