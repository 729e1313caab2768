"""The terminal UI in a real terminal, with real processes: what no test inside of one process can see."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from engine.core.clock import SystemClock
from engine.git.repository import start_repository
from engine.store.store import open_store
from tests.app.tui.terminal import Terminal, terminal

CONFIG = "workers: 2\nexecutor: host\nlisten: 127.0.0.1:0\ngrace: 1s\n"
WORKFLOW = """\
name: Pipe
on: [push, workflow_dispatch]
jobs:
  alpha: {runs-on: host, steps: [{run: echo alpha-says-yes}]}
  beta:
    needs: alpha
    runs-on: host
    steps: [{run: 'echo beta-waits; until [ -e GO ]; do sleep 0.05; done; echo beta-ends'}]
"""
ATTRIBUTES = ("", "0", "1", "2", "3", "4", "7", "39", "49")  # bold, faint, italic, underlined, reversed; no colour
STRANGE = r"""
name: "[red]a\e]52;c;aGFja2Vk\x07b\u009b31mc\u202e"
on: [push]
jobs:
  one:
    name: "[/red]\e]0;title\x07one\e[2J"
    runs-on: host
    steps:
      - name: "step \e]52;c;aGFja2Vk\x07"
        run: "printf 'said from afar\\n\\033]52;c;aGFja2Vk\\007\\033[2J'; exit 3"
"""
FAILS_IN_HELP = """\
from app.cli.main import main
from app.tui.tui import TreadleApp
def fail(self):
    secret = "no traceback shows this"
    raise RuntimeError("an error of ours, [red]with a bracket")
TreadleApp.action_help = fail
raise SystemExit(main())
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with a home, and with a repository whose run waits until a file `go` is there.

    In the end whatever still runs in it is killed: jobs that were left alone, above all.
    """
    home, repo = tmp_path / "home", tmp_path / "repo"
    home.mkdir()
    (home / "treadle.yml").write_text(CONFIG)
    workflow = repo / ".treadle/workflows/pipe.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(WORKFLOW.replace("GO", str(tmp_path / "go")))
    start_repository(repo, "Begin", SystemClock().now())
    yield tmp_path
    for process in psutil.process_iter(["cmdline"]):
        if any(str(tmp_path) in word for word in process.info["cmdline"] or ()):
            process.kill()


@pytest.fixture
def there(place: Path) -> Iterator[Terminal]:
    """A terminal that stands in the repository, and means the home."""
    with terminal(place / "repo", TREADLE_HOME=str(place / "home")) as made:
        yield made


def statuses(place: Path) -> dict[str, str]:
    """Return the jobs of the first run as the home has them."""
    store = open_store(place / "home", create=False)
    try:
        return {job.name: str(job.status) for job in store.queries.jobs(1)}
    finally:
        store.close()


@contextmanager
def headless(there: Terminal, place: Path) -> Iterator[str]:
    """Run the engine of the home alone, and give its address."""
    process = subprocess.Popen(
        ["treadle", "--headless"], env=dict(there.environment), cwd=place, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        found = next(found for line in process.stderr if (found := re.search(r"Listening on (\S+),", line)))
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def begin(there: Terminal, command: str = "treadle") -> None:
    """Open the UI in the repository, and run what a push would run until `beta` waits."""
    there.line(command)
    there.shows("Nothing has run here yet")
    there.press("t")
    there.shows("Pipe", "running")
    there.press("Enter")
    there.shows("beta-waits")


def test_a_signal_ends_it_with_the_terminal_restored_and_the_job_untouched(there, place):
    before = there.modes()
    begin(there)
    there.signal(signal.SIGTERM)
    there.left(128 + signal.SIGTERM)
    assert there.modes() == before
    assert statuses(place) == {"alpha": "success", "beta": "running"}
    (place / "go").touch()
    there.line("treadle")
    there.shows("Pipe", "success")
    assert statuses(place) == {"alpha": "success", "beta": "success"}


def test_a_terminal_that_is_closed_ends_it_and_leaves_the_job_to_the_next_start(there, place):
    begin(there)
    process = there.process()
    there.close()
    there.until(lambda: not Path(f"/proc/{process}").exists())
    assert statuses(place) == {"alpha": "success", "beta": "running"}
    (place / "go").touch()
    with terminal(place, TREADLE_HOME=str(place / "home")) as other:
        other.line("treadle")
        other.shows("Pipe", "success")


def test_a_kill_leaves_the_job_running_and_the_next_start_goes_on_with_its_log(there, place):
    begin(there)
    there.signal(signal.SIGKILL)
    there.left(128 + signal.SIGKILL)
    assert statuses(place) == {"alpha": "success", "beta": "running"}
    with terminal(place, TREADLE_HOME=str(place / "home")) as other:
        other.line("treadle")
        other.shows("Pipe", "running")
        (place / "go").touch()
        other.press("Enter")
        other.shows("beta-ends", "✓ beta success")
        assert sum("beta-waits  " in line for line in other.lines) == 1, other.text


def test_a_failure_of_the_ui_is_told_in_a_line_and_touches_no_job(there, place):
    before = there.modes()
    script = place / "fails.py"
    script.write_text(FAILS_IN_HELP)
    begin(there, f"{sys.executable} {script}")
    there.press("?")
    there.left(1)
    assert there.modes() == before
    assert "RuntimeError: an error of ours, [red]with a bracket" in there.text
    assert "secret" not in there.text and "Traceback" not in there.text
    log = (place / "home/treadle.log").read_text()
    assert "Traceback" in log and "fails.py" in log
    assert statuses(place) == {"alpha": "success", "beta": "running"}


def test_quitting_asks_while_a_job_runs_and_what_is_left_is_taken_up_again(there, place):
    begin(there)
    there.press("q")
    there.shows("Quit?", "1 run is not finished", "Wait", "Leave them running", "Cancel them")
    there.press("Escape")
    there.hides("Quit?")
    there.press("q")
    there.shows("Quit?")
    there.press("a")
    there.left()
    assert statuses(place) == {"alpha": "success", "beta": "running"}
    there.line("treadle")
    there.shows("Pipe", "running")
    there.press("q")
    there.shows("Quit?")
    there.press("w")
    there.shows("Quitting when they have ended")
    (place / "go").touch()
    there.left()
    assert statuses(place) == {"alpha": "success", "beta": "success"}


def test_letters_typed_in_one_burst_reach_the_filter(there, place):
    begin(there)
    there.press("Escape")
    there.shows("WORKFLOW")
    there.write("/pip")
    there.shows("/pip 1 of 1")
    there.press("Enter")
    there.write("/zzz")
    there.shows("/pipzzz 0 of 1", 'Nothing matches "pipzzz"')
    there.press("Escape")
    there.shows("running")
    there.write("2")
    there.shows("Queue", "beta")
    (place / "go").touch()


def test_plain_characters_and_no_colours_where_that_is_asked_for(there, place):
    begin(there, "NO_COLOR=1 treadle --ascii")
    assert there.text.isascii(), there.text
    for key, word in (("?", "Keys"), ("q", "Quit?"), (":", "type what you look for")):
        there.press(key)
        there.shows(word)
        assert there.text.isascii(), there.text
        there.press("Escape")
        there.hides(word)
    for key in "23561":
        there.press(key)
        there.until(lambda key=key: there.lines[0].startswith({"2": "Q", "3": "E", "5": "S", "6": "R", "1": "R"}[key]))
        assert there.text.isascii(), there.text
    codes = {code for part in there.painted.split("\x1b[")[1:] for code in part.partition("m")[0].split(";")}
    assert codes <= set(ATTRIBUTES), codes
    (place / "go").touch()


def test_over_the_network_with_a_token_and_a_word_in_the_end_on_what_was_started(there, place):
    """A headless engine with a strange workflow; nothing that is written in it reaches the terminal as a command."""
    (place / "home/treadle.yml").write_text(CONFIG)
    workflow = place / "repo/.treadle/workflows/pipe.yml"
    workflow.write_text(STRANGE)
    token = there.command("treadle", "token", "create", "--scope", "write").split()[-1]
    with headless(there, place) as url:
        there.record(place / "seen")
        there.line(f"TREADLE_TOKEN={token} treadle --connect {url}")
        there.shows("A forge")
        assert "A demo" not in there.text and "This repository" not in there.text
        assert there.command("treadle", "run", "--plain", code=1)
        there.shows("failed", "[red]a")
        there.press("Enter")
        there.shows("said from afar", "exit 3")
        there.press("R")
        there.shows("[1 ✗][2 ✗]")
        there.press("q")
        there.left()
        assert "r1 failed" in there.text and "treadle show r1" in there.text
        there.line(f"TREADLE_TOKEN={token}x treadle --connect {url}")
        there.shows("token")
        there.press("q")
        there.left()
    seen = (place / "seen").read_bytes()
    assert b"said from afar" in seen
    assert b"\x1b]52" not in seen and b"\x1b]0;" not in seen and b"\x9b" not in seen.replace(b"\xe2\x9b", b"")


def test_what_keeps_the_engine_from_starting_is_told_in_full_and_gone_once_it_is_mended(there, place):
    config = place / "home/treadle.yml"
    config.write_text(f"{CONFIG}wrokers: 2\n")
    there.resize(60, 20)
    there.line("treadle")
    there.until(lambda: "unknown key 'wrokers'. Did you mean 'workers'?" in " ".join(there.text.split()))
    config.write_text(CONFIG)
    there.shows("Nothing has run here yet")
    there.press("q")
    there.left()
    there.line("treadle --home /proc/none")
    there.left(1)
    assert "/proc/none cannot be made" in there.text


def test_noise_on_the_line_does_not_end_it(there, place):
    begin(there)
    there.tmux("send-keys", "-H", "ff", "fe", "c3")
    for noise in ("\x1b[99999999999999999999A", "\x1b[;:~", "\x1b[<;;M", "\x1b[<9999999999;1;1M"):
        there.write(noise)
    there.press("Escape")
    there.shows("WORKFLOW", "running")
    there.resize(20, 5)
    there.resize(300, 80)
    there.shows("WORKFLOW", "running")
    (place / "go").touch()
