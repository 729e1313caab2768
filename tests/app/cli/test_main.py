"""The frame: which module a line loads, and which exit code its end becomes."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.cli import main as frame
from app.cli.main import COMMANDS, main, parser_for, split
from engine.core.errors import EngineError, ExecutorUnavailable, GitError, SettingsError
from pipelines.errors import Finding, Place, Severity, WorkflowError

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_home_and_config(name):
    flags = {flag for action in parser_for(name)._actions for flag in action.option_strings}
    assert {"--home", "--config", "--help"} <= flags


@pytest.mark.parametrize("line", [[], ["--connect", "http://127.0.0.1:9"], ["--read-only", "--ascii"]])
def test_without_a_terminal_there_is_no_terminal_ui(line, capsys):
    assert main(line) == 2
    assert "treadle --headless" in capsys.readouterr().err


def test_a_token_without_an_engine_to_show_it_to_is_refused(capsys):
    assert main(["--token", "t0p"]) == 2
    assert "--connect" in capsys.readouterr().err


def test_the_help_tells_how_to_begin(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "treadle demo" in out and all(name in out for name in COMMANDS)


def test_a_command_succeeds_also_where_nobody_may_be_talked_to():
    line = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-m", "app.cli.main", "expr", "true"]
    ended = subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stdout) == (0, "true\n")


def test_a_misspelt_command_names_the_nearest(capsys):
    assert main(["vaildate"]) == 2
    assert "Did you mean `treadle validate`?" in capsys.readouterr().err


def test_wrong_usage_is_exit_2():
    with pytest.raises(SystemExit) as ending:
        main(["list", "--no-such"])
    assert ending.value.code == 2


def test_options_may_stand_before_the_command():
    assert split(["--home", "x", "list", "--json"]) == (["--home", "x"], "list", ["--json"])
    assert split(["--home=x", "list"]) == (["--home=x"], "list", [])


FINDING = Finding(Severity.ERROR, Place(3, 5), "no", "yes")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (WorkflowError("w.yml", (FINDING,)), 2, "w.yml:3:5: error: no (yes)\n"),
        (SettingsError("treadle.yml: no", "Write yes."), 2, "treadle: treadle.yml: no Write yes.\n"),
        (GitError("no"), 2, "treadle: no\n"),
        (ExecutorUnavailable("none", "Start one."), 3, "treadle: none Start one.\n"),
        (EngineError("lost"), 1, "treadle: lost\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_an_error_becomes_its_exit_code(monkeypatch, capsys, error, code, said):
    def execute(args):
        raise error

    module = SimpleNamespace(configure=lambda parser: None, execute=execute)
    monkeypatch.setattr(frame, "import_module", lambda name: module)
    assert main(["list"]) == code
    assert capsys.readouterr().err == said


def test_a_bug_is_one_sentence_unless_asked_for_more(monkeypatch, capsys):
    def execute(args):
        raise ZeroDivisionError("by zero")

    module = SimpleNamespace(configure=lambda parser: None, execute=execute)
    monkeypatch.setattr(frame, "import_module", lambda name: module)
    assert main(["list"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv("TREADLE_DEBUG", "1")
    assert main(["list"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_leaves_early_hears_no_complaint():
    code = (
        "import sys, types, app.cli.main as frame;"
        "many = lambda args: [print('x' * 1000) for _ in range(1000)] and 0;"
        "module = types.SimpleNamespace(configure=lambda parser: None, execute=many);"
        "frame.import_module = lambda name: module;"
        "sys.exit(frame.main(['list']))"
    )
    line = ["sh", "-c", '"$0" -c "$1" | true', sys.executable, code]
    run = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stderr == ""


def test_a_stream_that_cannot_show_a_glyph_still_gets_the_words():
    code = "import app.cli.main as frame; frame.without_command = lambda front: print('✓ success') or 0; frame.main([])"
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert (run.stdout, run.stderr) == (b"? success\n", b"")
