"""The adapter answers each case with a line, an error as well: whoever holds a corpus against it needs them all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ADAPTER = Path(__file__).with_name("adapter.py")


@pytest.mark.parametrize(
    ("kind", "cases", "answers"),
    [
        (
            "file-command",
            [{"file": "GITHUB_OUTPUT", "content": "A=1\n"}, {"file": "GITHUB_OUTPUT", "content": "no value\n"}],
            [{"value": {"A": "1"}}, {"error": None}],
        ),
        ("log-command", [{"line": "::warning file=a::b"}, {"line": "b"}], [{"command": "warning"}, {"command": None}]),
        ("masking", [{"secrets": {"TOKEN": "s3cret"}, "log": "a s3cret"}], [{"shown": "a ***"}]),
        ("expression", [{"expr": "1 == 1"}, {"expr": "1 =="}], [{"value": True}, {"error": "parsing"}]),
        ("condition", [{"if": "always()", "level": "job"}, {"if": "no(", "level": "job"}], [{}, {"error": "parsing"}]),
        ("glob", [{"kind": "branches", "patterns": ["a*"], "inputs": ["ab"]}], [{"run": True}]),
        ("artifact-name", [{"name": "a:b"}], [{"accept": False}]),
    ],
)  # fmt: skip
def test_every_case_has_an_answer_also_one_that_is_an_error(kind, cases, answers):
    asked = "".join(f"{json.dumps(case)}\n" for case in cases)
    ended = subprocess.run([sys.executable, ADAPTER, kind], input=asked, capture_output=True, text=True, check=True)
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(told) == len(cases)
    for one, wanted in zip(told, answers, strict=True):
        assert all(key in one and (value is None or one[key] == value) for key, value in wanted.items())
