"""An engine that is killed while an action of its own works: the job begins again, nothing half done stays."""

import json
import subprocess
import threading
from contextlib import suppress

import pytest

from tests.app.cli.test_run_endings import BOTH, GATED, OTHER, follow, job_facts, open_gate, treadle
from tests.app.cli.treadle_process import Treadle

__all__ = ["treadle"]

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


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["docker"])
def test_a_container_of_an_action_goes_and_its_job_begins_again(
    treadle: Treadle, docker_engine: str, kind: str
) -> None:
    treadle.write(CONTAINER.format(image=docker_engine))
    treadle.write(OTHER, "other.yml")
    started = treadle.start()
    started.until_log("\nbegun\n")
    started.kill()
    follow(treadle)
    facts = job_facts(treadle)
    assert (facts["status"], facts["attempts"], facts["retries"]) == ("success", 2, 0)
    assert facts["kinds"] == ["infrastructure", ""]
    assert "\nbegun\n" in treadle.call("logs", "r1/a", "--attempt", "1").stdout
    assert treadle.call("logs", "r1/a").stdout.endswith("\nattempt 2\n")


@BOTH
def test_a_cache_that_was_being_kept_is_kept_whole_by_the_next_attempt(treadle: Treadle, kind: str) -> None:
    treadle.write(CACHE)
    treadle.write(OTHER, "other.yml")
    started = treadle.start()
    started.until_log("Post Run actions/cache")
    started.kill()
    follow(treadle)
    facts = job_facts(treadle)
    assert (facts["status"], facts["retries"]) == ("success", 0)
    assert set(facts["kinds"][:-1]) <= {"infrastructure"}
    [kept] = json.loads(treadle.call("cache", "list", "--json").stdout)
    assert kept["key"] == "k" and kept["size_bytes"] > 32 << 20
    again = treadle.run("ci.yml")
    assert again.returncode == 0, again.stdout
    assert "hit=[true]" in again.stdout and "file: OK" in again.stdout
    assert list((treadle.home / "cache/actions/partial").iterdir()) == []


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
    while engine.process.poll() is None:
        with suppress(subprocess.CalledProcessError):  # the box of run 1 may be going just now
            open_gate(treadle, kind)
            break
    assert engine.result["status"] == "success"
    assert treadle.call("logs", "r1/a").stdout.endswith("\nkept\n100000000\nattempt 2\n")
