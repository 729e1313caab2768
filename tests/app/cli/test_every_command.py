"""The laws that hold for every command, whoever adds one: help, options, JSON, errors and exit codes."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.main import COMMANDS, main, parser_for
from engine.control.housekeeping.retention import pruning_of
from engine.store.logs.writer import LogWriter, Progress
from tests.app.server.artifacts import leave
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import jobs

NO_JSON = {"shell"}  # what runs in the box says what it says
NOT_HERE = {  # commands whose JSON is held to in their own tests: they start engines, write files or stay
    "run": "test_json_lines", "demo": "test_demo", "web": "test_web", "shell": "test_shell", "backup":
    "test_snapshot_backup", "init": "test_init", "validate": "test_validate", "graph": "test_graph",
}  # fmt: skip
READS = {
    "expr": ["1 == 1"], "explain": ["r1"], "list": [], "show": ["r1"], "logs": ["j1"], "diff": ["j1"],
    "search": ["hello"], "hold": [], "checkpoint": ["list", "j1"], "bisect": ["--list"], "queue": [], "events": [],
    "repo": ["list"], "secret": ["list"], "token": ["list"], "flaky": [], "slo": [], "prune": ["--dry-run"],
    "artifact": ["list"], "cache": ["list"], "snapshot": ["list"], "doctor": [],
}  # fmt: skip
WISHES = {
    "pin": ["r1"], "unpin": ["r1"], "cancel": ["r2"], "retry": ["j1"], "priority": ["j2", "5"], "release": ["j2"],
    "approve": ["r2"], "dispatch": ["nobody/here", "ci"], "replay": ["1"],
}  # fmt: skip
NOT_THERE = {
    "explain": ["r9"], "show": ["r9"], "logs": ["j9"], "diff": ["j9"], "retry": ["j9"], "hold": ["j9"],
    "release": ["j9"], "checkpoint": ["list", "j9"], "bisect": ["j9"], "cancel": ["r9"],
    "approve": ["r9"], "pin": ["r9"], "unpin": ["r9"], "priority": ["j9", "1"], "artifact": ["get", "r9", "x"],
    "shell": ["j9"],
}  # fmt: skip
JSON_ENDS = {0, 1, 2, 3}


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every parser there is: of each command, and of each thing that one of them can do."""
    for name in COMMANDS:
        parser = parser_for(name)
        yield name, parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from ((f"{name} {deed}", inner) for deed, inner in action.choices.items())


PARSERS = dict(parsers())
every_parser = pytest.mark.parametrize("line", PARSERS)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A home with a run that failed, with a log and an artifact, and one that waits; it is served, too."""
    with serve(tmp_path / "home") as site:
        run_id = site.lab.run(jobs(a=""))
        lease = site.lab.start()
        log = LogWriter(site.lab.store.log_path(run_id, lease.job_id, 1), 1 << 20)
        log.append(0, b"hello\n", Progress(6), site.lab.clock.now())
        log.close()
        leave(site, run_id, "dist")
        site.lab.fail(lease)
        site.lab.run(jobs(b=""))
        site.desk.pruning = pruning_of(site.lab.store, site.desk.artifacts)
        yield site


def ended(line: list[str]) -> int:
    """Return the exit code of a command line in this process."""
    try:
        return main(line)
    except SystemExit as ending:
        assert isinstance(ending.code, int)
        return ending.code


def test_no_command_is_left_out_of_the_laws():
    assert set(COMMANDS) == READS.keys() | WISHES.keys() | NOT_HERE.keys()
    files = {path.stem for path in Path(__file__).parent.rglob("test_*.py")}
    assert set(NOT_HERE.values()) - files == {"test_shell"}


@every_parser
def test_help_is_a_sentence_on_the_whole_and_a_phrase_on_each_part(line):
    parser = PARSERS[line]
    said = parser.description or ""
    assert said[:1].isupper() and said.endswith(".") and not said.endswith("..")
    for action in parser._actions:
        if action.help is argparse.SUPPRESS or isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            continue
        name = action.option_strings or action.dest
        assert action.help, name
        assert not action.help.endswith(".") and action.help == action.help.strip(), (name, action.help)
        first = action.help.split()[0]
        assert not first[0].isupper() or first == first.upper() or first in ("Docker", "JSON"), (name, action.help)
        assert action.metavar or action.choices or action.nargs == 0, name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_where_and_can_speak_json(name):
    flags = {flag for action in PARSERS[name]._actions for flag in action.option_strings}
    assert {"--home", "--config", "--help"} <= flags
    assert ({"--connect", "--token"} <= flags) == COMMANDS[name].remote
    deeds = [inner for line, inner in PARSERS.items() if line.startswith(f"{name} ")]
    for parser in deeds or [PARSERS[name]]:
        assert ("--json" in {flag for a in parser._actions for flag in a.option_strings}) == (name not in NO_JSON)


@every_parser
def test_help_goes_to_stdout_and_ends_well(line, capsys):
    assert ended([*line.split(), "--help"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("usage: ") and said.err == ""


@every_parser
def test_a_number_that_is_none_is_wrong_usage_that_names_the_option(line, capsys):
    for action in PARSERS[line]._actions:
        if action.type is None or action.type is Path or not action.option_strings:
            continue
        for wrong in ("x", "", "-1", "1.5", "9" * 30, "٣"):
            assert ended([*line.split(), f"{action.option_strings[0]}={wrong}"]) == 2
            said = capsys.readouterr()
            assert said.out == "" and action.option_strings[0] in said.err


def test_what_reads_prints_json_and_nothing_else(site, capsys):
    for name, rest in READS.items():
        line = [name, *rest, "--json", "--home", str(site.home)]
        assert ended(line) in ((0, 1, 3) if name == "doctor" else (0, 1) if name == "diff" else (0,)), line
        out = capsys.readouterr().out
        if out or name != "diff":
            values = [json.loads(one) for one in out.splitlines()] if name == "logs" else [json.loads(out)]
            assert values, line


def test_what_asks_prints_json_or_says_why_not(site, capsys):
    for name, rest in WISHES.items():
        code = ended([name, *rest, "--json", "--home", str(site.home)])
        said = capsys.readouterr()
        if code == 0:
            assert {"done", "engine"} & json.loads(said.out).keys(), name
        else:
            assert said.out == "" and said.err.startswith("treadle: ") and code in (1, 2), (name, said)


def test_on_an_empty_home_every_command_answers_or_says_what_to_do(tmp_path, capsys):
    for name, rest in {**READS, **WISHES, **NOT_THERE}.items():
        home = tmp_path / name
        code = ended([name, *rest, *([] if name in NO_JSON else ["--json"]), "--home", str(home)])
        said = capsys.readouterr()
        assert code in JSON_ENDS and "inside treadle" not in said.err, (name, said)
        if code != 0 and name != "doctor":
            assert said.out == "" and said.err.startswith("treadle: "), (name, said)
        elif said.out:
            json.loads(said.out)
        assert not (home / "treadle.db").exists() or name in ("queue", "token", "secret", "repo"), name


@pytest.mark.parametrize("huge", ["9", "9" * 30])
def test_what_is_not_there_is_exit_1_with_where_to_look(site, capsys, huge):
    for name, rest in NOT_THERE.items():
        line = [name, *(one.replace("9", huge) for one in rest), "--home", str(site.home)]
        assert ended(line) == 1, line
        said = capsys.readouterr()
        assert said.out == "" and said.err.startswith("treadle: There is no "), said
        assert "`treadle " in said.err, said


def test_no_engine_where_one_should_be_is_exit_3_with_nothing_on_stdout(capsys):
    for name, rest in {**READS, **WISHES}.items():
        if COMMANDS[name].remote:
            assert ended([name, *rest, "--json", "--connect", "http://127.0.0.1:9"]) == 3, name
            said = capsys.readouterr()
            assert said.out == "" and said.err.startswith("treadle: No engine answers at "), (name, said)


def test_a_token_that_is_worth_nothing_is_exit_2_and_is_not_repeated(site, capsys):
    for name, rest in {**READS, **WISHES}.items():
        if COMMANDS[name].remote:
            where = ["--connect", f"http://127.0.0.1:{site.port}", "--token", "tdl_worthless"]
            assert ended([name, *rest, "--json", *where]) == 2, name
            said = capsys.readouterr()
            assert said.out == "" and "--token" in said.err and "worthless" not in said.err, (name, said)


@pytest.mark.parametrize(
    "line",
    [
        ["logs", "j1", "--shell", "--json"], ["logs", "j1", "--shell", "--follow"], ["logs", "j1", "--json", "-t"],
        ["hold", "--off"], ["retry", "r1", "--step", "2"], ["retry", "r1", "--here"], ["retry", "j1", "--failed"],
        ["artifact", "get", "r1", "dist", "a.txt", "--output", "-", "--json"], ["backup", "-", "--json"],
        ["snapshot", "prune", "x", "--dry-run"], ["bisect", "--list", "--good", "x"], ["list", "--token", "x"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_option_that_would_do_nothing_is_refused(site, capsys, monkeypatch, line):
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert ended([*line, "--home", str(site.home)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("treadle: ")
