"""An engine that is killed: the next one goes on, nothing is lost or doubled, nothing half done stays."""

import json
import subprocess
import threading
from contextlib import suppress
from typing import Any

import pytest

from tests.app.cli.kinds import BOTH, GATED, OTHER, follow, job_facts, open_gate, treadle
from tests.app.cli.treadle_process import Treadle

__all__ = ["treadle"]

COUNT = 2000
COUNTING = f"""
    jobs:
      a:
        runs-on: here
        timeout-minutes: 5
        steps:
          - run: i=0; while [ $i -lt {COUNT} ]; do i=$((i+1)); echo "line $i"; [ $((i % 20)) != 0 ] || sleep .01; done
          - run: echo "attempt $TREADLE_ATTEMPT"
    """
ACTION = """
    jobs:
      a:
        runs-on: here
        retry: {max: 1, backoff: 0s}
        steps: [{uses: actions/checkout@v4}, {uses: ./act}, {run: echo "attempt $TREADLE_ATTEMPT"}]
    """
CONTAINER = """
    jobs:
      a:
        runs-on: here
        retry: {{max: 1, backoff: 0s}}
        steps:
          - uses: docker://{image}
            with: {{entrypoint: sh, args: '-c "echo begun; [ $TREADLE_ATTEMPT != 1 ] || sleep 4743"'}}
          - run: echo "attempt $TREADLE_ATTEMPT"
    """
CACHE = """
    jobs:
      a:
        runs-on: here
        retry: {max: 1, backoff: 0s}
        steps:
          - {uses: actions/cache@v4, id: c, with: {path: kept, key: k}}
          - run: |
              [ -e kept ] || { mkdir kept; cd kept; head -c 33554432 /dev/urandom > file; sha256sum file > sum; cd ..; }
              cd kept && sha256sum -c sum
              echo "hit=[${{ steps.c.outputs.cache-hit }}]"
    """
CHECKPOINT = """
    jobs:
      a:
        runs-on: here
        checkpoint: true
        steps:
          - run: echo first; head -c 100000000 /dev/urandom >large; echo kept >small
          - run: cat small; wc -c <large
          - run: cat small; wc -c <large; echo "attempt $TREADLE_ATTEMPT"
    """


def killed(treadle: Treadle, text: str, words: str) -> dict[str, Any]:
    """Kill the engine of a run once its log says `words`, follow the next one to the end; return the job's facts."""
    treadle.write(text)
    treadle.write(OTHER, "other.yml")
    started = treadle.start()
    started.until_log(words)
    started.kill()
    follow(treadle)
    return job_facts(treadle)


def begun_again(treadle: Treadle, facts: dict[str, Any]) -> bool:
    """Whether a second attempt made it, at no cost to the job's retries."""
    assert (facts["status"], facts["attempts"], facts["retries"]) == ("success", 2, 0)
    assert facts["kinds"] == ["infrastructure", ""]
    return treadle.call("logs", "r1/a").stdout.endswith("\nattempt 2\n")


@BOTH
def test_a_killed_run_is_taken_up_by_the_next_with_not_a_line_lost_or_doubled(treadle: Treadle, kind: str) -> None:
    treadle.write(COUNTING)
    treadle.write(OTHER, "other.yml")
    started = treadle.start()
    started.until_log("\nline 500\n")
    started.kill()
    deadline_at = job_facts(treadle)["deadline_at"]
    if kind == "docker":
        assert treadle.run("other.yml").returncode == 0
        # It leaves when its own run is over; whoever comes next goes on where it left.
        assert treadle.run("other.yml").returncode == 0
    else:
        assert treadle.run("other.yml").returncode == 0
    follow(treadle)
    log = treadle.call("logs", "r1/a").stdout
    assert [line for line in log.splitlines() if line.startswith("line ")] == [f"line {n}" for n in range(1, COUNT + 1)]
    assert log.endswith("\nattempt 1\n")
    facts = job_facts(treadle)
    assert (facts["status"], facts["attempts"], deadline_at is not None) == ("success", 1, True)


@BOTH
def test_a_second_run_takes_over_from_a_first_that_is_killed(treadle: Treadle, kind: str) -> None:
    treadle.write(GATED)
    treadle.write(OTHER, "other.yml")
    first = treadle.start()
    first.until_log("\nbegun\n")
    treadle.write(GATED.replace("went on", "went on, too"))
    second = treadle.start()
    second.until_log("\nbegun\n")
    first.kill()
    open_gate(treadle, kind)
    assert second.result["status"] == "success"
    follow(treadle)
    assert (job_facts(treadle)["status"], job_facts(treadle)["attempts"]) == ("success", 1)
    for run in ("r1", "r2"):
        log = treadle.call("logs", f"{run}/a").stdout
        assert (log.count("\nbegun\n"), log.count("\nwent on")) == (1, 1)


@BOTH
def test_a_run_killed_within_an_action_makes_a_new_attempt_and_costs_no_retry(treadle: Treadle, kind: str) -> None:
    action = treadle.repo / "act" / "action.yml"
    action.parent.mkdir()
    wait = "echo begun; until [ $TREADLE_ATTEMPT != 1 ]; do sleep .05; done"
    action.write_text(f"runs: {{using: composite, steps: [{{shell: sh, run: '{wait}'}}]}}")
    assert begun_again(treadle, killed(treadle, ACTION, "\nbegun\n"))


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["docker"])
def test_a_container_of_an_action_goes_and_its_job_begins_again(
    treadle: Treadle, docker_engine: str, kind: str
) -> None:
    assert begun_again(treadle, killed(treadle, CONTAINER.format(image=docker_engine), "\nbegun\n"))
    assert "\nbegun\n" in treadle.call("logs", "r1/a", "--attempt", "1").stdout


@BOTH
def test_a_cache_that_was_being_kept_is_kept_whole_by_the_next_attempt(treadle: Treadle, kind: str) -> None:
    facts = killed(treadle, CACHE, "Post Run actions/cache")
    assert (facts["status"], facts["retries"]) == ("success", 0)
    assert set(facts["kinds"][:-1]) <= {"infrastructure"}
    [kept] = json.loads(treadle.call("cache", "list", "--json").stdout)
    assert kept["key"] == "k" and kept["size_bytes"] > 32 << 20
    again = treadle.run("ci.yml")
    assert again.returncode == 0, again.stdout
    assert "hit=[true]" in again.stdout and "file: OK" in again.stdout
    assert list((treadle.home / "cache/actions/partial").iterdir()) == []


@BOTH
def test_a_checkpoint_that_was_being_taken_is_none_and_the_job_goes_on_behind_it(treadle: Treadle, kind: str) -> None:
    treadle.write(CHECKPOINT)
    treadle.write(OTHER, "other.yml")
    started = treadle.start()
    started.until_log("\nfirst\n")
    pause = threading.Event()
    while not any(treadle.home.glob("work/*/channel/exchange/*")):
        assert started.process.poll() is None, "no checkpoint was ever taken"
        pause.wait(0.005)
    started.kill()
    follow(treadle)
    facts = job_facts(treadle)
    assert (facts["status"], facts["attempts"]) == ("success", 1)
    log = treadle.call("logs", "r1/a").stdout
    assert (log.count("\nfirst\n"), log.count("\nkept\n"), log.count("\n100000000\n")) == (1, 2, 2)
    kept = [one["step"] for one in json.loads(treadle.call("checkpoint", "list", "r1/a", "--json").stdout)]
    assert kept in ([1], [0, 1])  # it may have been finished just before
    assert list((treadle.home / "cache/checkpoints/partial").iterdir()) == []
    assert "on the checkpoint after step 1 of attempt 1" in treadle.call("retry", "r1/a", "--step", "2").stdout
    treadle.write(GATED, "slow.yml")
    engine = treadle.start("slow.yml")
    engine.until_log("\nbegun\n")
    while job_facts(treadle)["status"] not in ("success", "failed"):
        assert engine.process.poll() is None
        pause.wait(0.05)
    while any((treadle.home / "work").glob("1-*")):  # a gate that is put into what is going would keep it
        assert engine.process.poll() is None
        pause.wait(0.01)
    while engine.process.poll() is None:
        with suppress(subprocess.CalledProcessError):  # the box of run 1 may be going just now
            open_gate(treadle, kind)
            break
    assert engine.result["status"] == "success"
    assert treadle.call("logs", "r1/a").stdout.endswith("\nkept\n100000000\nattempt 2\n")
