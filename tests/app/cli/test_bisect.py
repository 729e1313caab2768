"""`treadle bisect` in real processes: it follows a search to the name, also when it is killed or interrupted."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.main import main
from tests.app.cli.kinds import processes_of
from tests.app.cli.treadle_process import Treadle
from tests.app.server.site import site as serve
from tests.engine.bisect_lab import BisectLab

CI = """
    on: push
    jobs:
      test:
        runs-on: here
        steps:
          - uses: actions/checkout@v4
          - {name: Test, run: 'cat number.txt; ! grep -q broken word.txt'}
    """


@pytest.fixture
def treadle(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Treadle]:
    if request.node.get_closest_marker("docker"):
        image = request.getfixturevalue("docker_debian")
        treadle = Treadle(tmp_path, (), f"grace: 1s\nlabels: {{here: '{image}'}}\n")
    else:
        treadle = Treadle(tmp_path, (), "grace: 1s\nlabels: {here: host}\n")
    git(treadle, "config", "user.name", "Ada")
    git(treadle, "config", "user.email", "ada@example.org")
    yield treadle
    treadle.close()
    assert processes_of(treadle.home) == []


def git(treadle: Treadle, *line: str) -> str:
    done = subprocess.run(["git", *line], cwd=treadle.repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def history(treadle: Treadle, length: int, culprit: int, ci: str = CI) -> list[str]:
    """Commit 1 … `length`; run the first, which is green, and the last, which is red. Return the commits."""
    shas = []
    treadle.write(ci)
    (treadle.repo / "word.txt").write_text("fine\n")
    for number in range(1, length + 1):
        (treadle.repo / "number.txt").write_text(f"{number}\n")
        if number == culprit:
            (treadle.repo / "word.txt").write_text("broken\n")
        git(treadle, "add", "-A")
        git(treadle, "commit", "-q", "-m", f"Commit {number}")
        shas.append(git(treadle, "rev-parse", "HEAD"))
        if number == 1:
            assert treadle.run().returncode == 0
    assert treadle.run().returncode == 1
    return shas


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_it_follows_the_search_to_the_name(treadle):
    shas = history(treadle, 6, culprit=4)
    done = treadle.call("bisect", "latest/test")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith(
        f"Bisect 1 of test in .github/workflows/ci.yml: 5 commits after {shas[0][:7]} (good, run 1), up to"
    )
    assert f'trial 1 of ~4: {shas[2][:7]} "Commit 3" … green, run 3' in said[1]
    assert any(f'{shas[3][:7]} "Commit 4" once more … red' in line for line in said)
    assert f"{shas[3]} is the first commit that fails." in said
    assert "  Commit 4" in said and any("Ada <ada@example.org>" in line for line in said)
    assert "run" in said[-1] and shas[2][:7] in said[-1]
    listed = treadle.call("bisect", "--list").stdout
    assert "found" in listed and shas[3][:7] in listed
    shown = json.loads(treadle.call("list", "--json").stdout)
    assert [run["bisect"] for run in shown][-2:] == [None, None] and shown[0]["title"].startswith("bisect 1: ")


def test_json_is_a_line_a_trial_and_the_search_at_both_ends(treadle):
    shas = history(treadle, 6, culprit=4)
    done = treadle.call("bisect", "latest", "--json")
    told = lines(done.stdout)
    assert [line["type"] for line in told] == ["bisect", *["trial"] * (len(told) - 2), "bisect"]
    assert told[-1]["culprit"]["sha"] == shas[3] and told[-1]["status"] == "found"
    assert [line["number"] for line in told[1:-1]] == list(range(1, len(told) - 1))


def test_what_cannot_be_searched_is_said(treadle):
    history(treadle, 2, culprit=2)
    assert treadle.call("bisect").returncode == 2
    assert treadle.call("bisect", "r1").returncode == 1
    nothing = treadle.call("bisect", "r1/test")
    assert nothing.returncode == 1 and "has not failed" in nothing.stderr
    wrong = treadle.call("bisect", "latest", "--good", "nowhere")
    assert wrong.returncode == 2 and "no commit 'nowhere'" in wrong.stderr
    gone = treadle.call("bisect", "--cancel", "7")
    assert gone.returncode == 1 and "no bisect 7" in gone.stderr
    assert treadle.call("bisect", "--list").stdout == ""


def until_a_trial(treadle: Treadle, process: "subprocess.Popen[str]") -> None:
    """Wait until the job of a trial runs."""
    from engine.core.clock import SystemClock

    clock = SystemClock()
    end_s = clock.monotonic_s() + 60
    while clock.monotonic_s() < end_s and process.poll() is None:
        told = json.loads(treadle.call("bisect", "--list", "--json").stdout or "[]")
        if told and told[0]["trials"] and processes_of(treadle.home):
            return
    raise AssertionError(process.communicate())


def started(treadle: Treadle, *more: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        treadle._line(("bisect", "r2/test", *more)), cwd=treadle.repo, env=treadle.environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    treadle.processes.append(process)
    return process


def test_an_interrupt_ends_the_search_and_its_trial(treadle):
    hang = CI.replace("run: 'cat number.txt;", 'run: \'grep -qE "^(1|6)$" number.txt || sleep 4747;')
    history(treadle, 6, culprit=4, ci=hang)
    process = started(treadle)
    until_a_trial(treadle, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    told = json.loads(treadle.call("bisect", "--list", "--json").stdout)
    assert told[0]["status"] == "cancelled"
    assert json.loads(treadle.call("list", "--json").stdout)[0]["status"] == "cancelled"


def test_a_search_that_is_killed_goes_on_and_tries_nothing_twice(treadle):
    slow_ci = CI.replace("run: 'cat number.txt;", 'run: \'grep -qE "^(1|12)$" number.txt || sleep 1;')
    shas = history(treadle, 12, culprit=7, ci=slow_ci)
    process = started(treadle, "--json")
    for _ in range(2):
        until_a_trial(treadle, process)
        process.kill()
        process.communicate()
        process = subprocess.Popen(
            [*treadle._line(("--headless",))], cwd=treadle.repo, env=treadle.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        treadle.processes.append(process)
    told: list[dict] = [{"status": "running"}]
    while told[0]["status"] == "running":
        assert process.poll() is None, process.communicate()
        told = json.loads(treadle.call("bisect", "--list", "--json").stdout)
    assert told[0]["culprit"]["sha"] == shas[6], told[0]
    runs = [one["run"] for one in told[0]["trials"]]
    tried = [one["sha"] for one in told[0]["trials"] if not one["again"]]
    assert len(set(runs)) == len(runs) and len(set(tried)) == len(tried)
    assert [run["id"] for run in json.loads(treadle.call("list", "--json").stdout) if run["bisect"]] == runs[::-1]
    process.terminate()
    process.communicate(timeout=30)


@pytest.mark.docker
def test_a_search_runs_in_containers(treadle):
    shas = history(treadle, 5, culprit=3)
    done = treadle.call("bisect", "latest", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines(done.stdout)[-1]["culprit"]["sha"] == shas[2]


def test_a_remote_engine_is_followed_to_the_name(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("TREADLE_HOME", "/nowhere")  # whoever reads a home instead finds none
    with serve(tmp_path / "home") as site:
        lab = BisectLab(site.lab, tmp_path / "app")
        lab.green_then_red()
        where = ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("write")]
        over = threading.Event()

        def work() -> None:
            while not over.wait(0.05):
                lab.turn()
                for one in site.lab.store.bisects.newest():
                    if one.open_trial is not None:
                        lab.work(good=lab.shas.index(one.open_trial.sha) < 3)
            site.lab.store.close()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            code = main(["bisect", "latest", *where])
        finally:
            over.set()
            worker.join()
        out, err = capfd.readouterr()
        assert code == 0, err
        assert f"{lab.shas[3]} is the first commit that fails." in out and "once more … red" in out
        assert main(["bisect", "--list", "--json", *where]) == 0
        assert json.loads(capfd.readouterr()[0])[0]["status"] == "found"
        assert main(["bisect", "--cancel", "1", *where]) == 1
