"""The box of a step that failed stays for a person: how it is held, gone on in, and taken away; on this machine and in
containers."""

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.control.asks.hold_wishes import hold as wish
from engine.control.asks.hold_wishes import release
from engine.control.asks.retries import Again, retry
from engine.core.clock import SystemClock
from engine.core.errors import EngineError
from engine.home import home_id
from engine.settings.model import HoldSettings
from engine.store.mending.holds import Hold
from engine.worker.fake_executor import FakeExecutor
from engine.worker.mending.shells import RecordedShell, open_shell
from tests.engine.worker.conftest import leftovers, settings_for
from tests.engine.works import Ended, Works

STEPS = """
hold: on-failure
steps:
  - id: first
    run: |
      echo "KEPT=yes" >> "$GITHUB_ENV"
      echo "$PWD/bin" >> "$GITHUB_PATH"
      echo "x=1" >> "$GITHUB_OUTPUT"
      echo "::add-mask::masked-later"
      mkdir bin; echo made > made
  - id: second
    run: |
      echo "> try $TREADLE_ATTEMPT $KEPT"; echo "half=1" >> "$GITHUB_ENV"
      test -e mended
  - if: always()
    run: echo "> ${{ steps.first.outputs.x }} ${{ steps.second.outcome }} ${{ steps.second.conclusion }} masked-later"
"""

# Leaves a process behind that has 20 MB of its own.
HOG = """
hold: on-failure
steps:
  - run: |
      (x=$(head -c 20000000 /dev/zero | tr '\\0' a); touch ready; sleep 300; echo $x >/dev/null) &
      until [ -e ready ]; do sleep .01; done
      exit 1
"""


@pytest.fixture(params=["host", pytest.param("docker", marks=pytest.mark.docker)])
def held_works(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Works]:
    kind = request.param
    image = request.getfixturevalue("docker_engine") if kind == "docker" else "host"
    works = Works(tmp_path, settings_for(tmp_path, labels={"here": image}), executor=kind).start()
    yield works
    for hold in works.store.holds.all():
        works.store.holds.release(hold.job_id, works.clock.now())
    works.bus.wake("holds")
    works.until(lambda: not works.store.holds.all(), "all boxes are let go")
    works.close()
    assert leftovers(home_id(works.settings.home)) == [] if kind == "docker" else True


def in_box(works: Works, hold: Hold, command: str) -> str:
    """What a person does with a shell of their own."""
    if hold.executor == "docker":
        full = ["docker", "exec", hold.box_id, "sh", "-c", command]
        return subprocess.run(full, check=True, capture_output=True, text=True).stdout
    folder = works.store.work_folder(hold.job_id, hold.maker[0]) / "workspace"
    return subprocess.run(["sh", "-c", command], cwd=folder, check=True, capture_output=True, text=True).stdout


def held(works: Works, text: str, **request: Any) -> tuple[Ended, Hold]:
    ended = works.run(text, **request)
    hold = works.store.holds.get(ended.job().id)
    assert hold is not None, ended.log()
    return ended, hold


def again(works: Works, ended: Ended, **how: bool) -> Ended:
    retry(works.store, ended.job(), Again(**how), "ada")
    works.bus.wake("schedule")
    return works.ended(ended.run_id)


def test_a_failed_step_is_mended_in_its_box_and_run_again(held_works: Works) -> None:
    ended, hold = held(held_works, STEPS)
    assert (ended.status, ended.ends()) == ("failed", ["success", "failed", "cancelled"])
    assert hold.step == 1
    assert ended.said() == ["try 1 yes"]
    assert "is held until" in ended.log()
    assert in_box(held_works, hold, "cat made; touch mended") == "made\n"
    ended = again(held_works, ended, here=True)
    assert (ended.status, ended.ends()) == ("success", ["success"] * 3)
    assert ended.said() == ["try 2 yes", "1 success success ***"]
    assert [step.started_at is None for step in ended.steps()] == [True, False, False]
    first, second = ended.attempts()
    assert (first.patched, second.patched, second.began_at and second.began_at["step"]) == (False, True, 1)
    assert held_works.store.holds.all() == []
    held_works.until(lambda: not list((held_works.settings.home / "work").iterdir()), "its folder is gone")


def test_the_steps_go_on_after_one_that_is_passed_over(held_works: Works) -> None:
    ended, _ = held(held_works, STEPS)
    ended = again(held_works, ended, next=True)
    assert (ended.status, ended.ends()) == ("success", ["success", "failed", "success"])
    assert ended.said() == ["1 failure success ***"]


def test_a_job_that_fails_again_in_its_box_is_held_again(held_works: Works) -> None:
    ended, _ = held(held_works, "retry: {max: 3, backoff: 0s, on: [oom]}\n" + STEPS)
    ended = again(held_works, ended, here=True)
    second = held_works.store.holds.get(ended.job().id)
    assert second is not None
    assert (ended.status, second.number, second.maker[0]) == ("failed", 2, 1)
    in_box(held_works, second, "touch mended")
    ended = again(held_works, ended, here=True)
    assert (ended.status, ended.said()) == ("success", ["try 3 yes", "1 success success ***"])


def test_a_held_box_outlives_an_engine_that_is_killed(held_works: Works) -> None:
    ended, hold = held(held_works, STEPS)
    held_works.stop()
    held_works.executors.close()
    works = Works(held_works.root, held_works.settings, executor=held_works.executor).start()
    try:
        in_box(works, hold, "touch mended")
        ended = again(works, Ended(works, ended.run_id), here=True)
        assert (ended.status, ended.said()) == ("success", ["try 2 yes", "1 success success ***"])
    finally:
        works.close()


def test_only_a_failure_that_fails_the_job_for_good_is_held(held_works: Works) -> None:
    ended, hold = held(
        held_works,
        "hold: on-failure\nretry: {max: 1, backoff: 0s}\nsteps: [{run: exit 1}, {if: always(), run: echo on}]",
    )
    first, _ = ended.attempts()
    assert (hold.number, first.status, ended.job().held_until) == (2, "failed", hold.until)
    assert [str(step.status) for step in ended.steps(attempt=0)] == ["failed", "success"]
    assert [str(step.status) for step in ended.steps(attempt=1)] == ["failed", "cancelled"]
    for text in (
        "hold: never\nsteps: [{run: exit 1}]",
        "hold: on-failure\ncontinue-on-error: true\nsteps: [{run: exit 1}]",
    ):
        assert held_works.store.holds.get(held_works.run(text).job().id) is None


def test_a_job_is_held_by_a_wish_while_it_runs(held_works: Works) -> None:
    run_id = held_works.record("steps: [{run: 'echo begun; until [ -e go ]; do sleep .01; done; exit 4'}]")
    held_works.until_said(run_id, "\nbegun\n")
    job = held_works.job(run_id, "a")
    assert wish(held_works.store, job) == f"Job {job.id} is held if one of its steps fails it."
    shell = open_shell(held_works.store, held_works.settings, job, "ada", SystemClock(), ("touch", "go"))
    assert talked(shell) == (0, "")
    ended = held_works.ended(run_id)
    assert held_works.store.holds.get(job.id) is not None
    assert ended.attempts()[0].patched
    with pytest.raises(EngineError, match="has ended"):
        wish(held_works.store, ended.job())


def test_a_held_box_goes_when_it_is_released_or_its_job_is_run_again(held_works: Works) -> None:
    for let_go in (
        lambda ended: release(held_works.store, ended.job()),
        lambda ended: again(held_works, ended),
    ):
        ended, hold = held(held_works, "hold: on-failure\nsteps: [{run: 'sleep 300 & exit $((2 - TREADLE_ATTEMPT))'}]")
        let_go(ended)
        held_works.bus.wake("holds")
        held_works.until(lambda: not held_works.store.holds.all(), "it is let go")
        held_works.until(partial(is_gone, hold), "its box is gone")
        assert held_works.job(ended.run_id, "a").held_until is None
    with pytest.raises(EngineError, match="holds no box"):
        release(held_works.store, ended.job())


def test_a_held_box_goes_when_its_time_is_up(held_works: Works) -> None:
    set_hold(held_works, HoldSettings(ttl_s=0.2))
    ended = held_works.run("hold: on-failure\nsteps: [{run: exit 1}]")
    assert "is held until" in ended.log()
    held_works.until(lambda: not held_works.store.holds.all(), "its time is up")
    with pytest.raises(EngineError, match="has no box"):
        retry(held_works.store, ended.job(), Again(here=True), "ada")


def test_the_oldest_go_first_when_held_boxes_use_too_much_memory(held_works: Works) -> None:
    first, _ = held(held_works, HOG)
    used = held_works.until(lambda: held_works.store.holds.all()[0].memory_bytes, "it is measured")
    assert used > 20_000_000
    set_hold(held_works, HoldSettings(memory_bytes=int(used * 1.5)))
    second, _ = held(held_works, HOG)
    held_works.until(lambda: held_works.store.holds.get(first.job().id) is None, "the oldest goes")
    assert held_works.store.holds.get(second.job().id) is not None


def test_a_job_whose_held_box_is_gone_says_so(held_works: Works) -> None:
    ended, hold = held(held_works, STEPS)
    held_works.stop()
    retry(held_works.store, ended.job(), Again(here=True), "ada")
    if hold.executor == "docker":
        subprocess.run(["docker", "rm", "-f", "-v", hold.box_id], check=True, capture_output=True)
    else:
        os.kill(int(hold.box_id.split("-")[0]), signal.SIGKILL)
    held_works.start()
    ended = held_works.ended(ended.run_id)
    assert (ended.status, ended.errors()) == (
        "failed",
        ["The box that attempt 1 left is gone. Retry the job from its beginning."],
    )
    held_works.until(lambda: not list((held_works.settings.home / "work").iterdir()), "its folder is gone")


def test_a_wish_to_go_on_that_is_cancelled_leaves_the_box_held(held_works: Works) -> None:
    ended, _ = held(held_works, STEPS)
    held_works.store.queue.pause.set("ada", held_works.clock.now())
    retry(held_works.store, ended.job(), Again(here=True), "ada")
    with pytest.raises(EngineError, match="about to go on"):
        release(held_works.store, ended.job())
    held_works.cancel(ended.run_id)
    ended = held_works.ended(ended.run_id)
    held_works.store.queue.pause.clear()
    assert (ended.status, len(ended.attempts())) == ("cancelled", 1)
    assert held_works.store.holds.get(ended.job().id) is not None


# -- shells ---------------------------------------------------------------------------------------------------------


def test_a_shell_sees_what_the_step_saw_and_what_it_shows_is_kept(held_works: Works) -> None:
    ended, _ = held(
        held_works,
        """
        hold: on-failure
        env: {TOKEN: "${{ secrets.KEY }}"}
        steps:
          - run: |
              echo "FOO=of env" >> "$GITHUB_ENV"; echo "$PWD/bin" >> "$GITHUB_PATH"
              echo "::add-mask::late-one"; mkdir sub
          - {run: exit 1, working-directory: sub, env: {OWN: "it's"}}
        """,
        secrets={"KEY": "hunter2-hunter2"},
    )
    script = 'basename "$PWD"; echo "$FOO/$OWN/$TOKEN/late-one"; basename "${PATH%%:*}"; echo no >&2; exit 7'
    works = held_works
    shell = open_shell(works.store, works.settings, ended.job(), "ada", works.clock, ("sh", "-c", script))
    assert talked(shell) == (7, "sub\nof env/it's/hunter2-hunter2/late-one\nbin\nno\n")
    kept = works.store.log_path(ended.run_id, ended.job().id, 1).with_suffix(".shell").read_text()
    assert "of env/it's/***/***\n" in kept
    assert "hunter2" not in kept
    assert "exit code 7" in kept
    hold = works.store.holds.get(ended.job().id)
    assert hold is not None
    assert hold.touched


def test_a_shell_may_have_a_terminal(held_works: Works) -> None:
    ended, _ = held(held_works, "hold: on-failure\nsteps: [{run: exit 1}]")
    works = held_works
    shell = open_shell(works.store, works.settings, ended.job(), "ada", works.clock, ("sh",), "xterm", (33, 111))
    shell.send(b"stty size; echo $TERM; exit 5\n")
    code, shown = talked(shell)
    assert (code, "33 111" in shown, "xterm" in shown) == (5, True, True)


def test_nobody_gets_a_shell_where_there_is_no_box(held_works: Works) -> None:
    ended = held_works.run("steps: [{run: exit 1}]")
    with pytest.raises(EngineError, match="has no box"):
        open_shell(held_works.store, held_works.settings, ended.job(), "ada", held_works.clock)


@pytest.mark.docker
def test_a_box_that_has_lost_its_shell_gets_one_beside_it(docker_works: Works) -> None:
    ended, _ = held(
        docker_works,
        "hold: on-failure\nsteps: [{run: 'echo here > file; rm -f /bin/sh /bin/bash /usr/bin/sh; exit 1'}]",
    )
    command = ("sh", "-c", "cat file; ls /proc/1/root/github")
    shell = open_shell(docker_works.store, docker_works.settings, ended.job(), "ada", docker_works.clock, command)
    code, shown = talked(shell)
    assert (code, "has no shell" in shown, "here\n" in shown, "workspace" in shown) == (0, True, True, True)
    release(docker_works.store, ended.job())
    docker_works.bus.wake("holds")
    docker_works.until(lambda: not docker_works.store.holds.all(), "it is let go")


@pytest.mark.docker
def test_services_stay_beside_a_held_box(docker_works: Works) -> None:
    image = docker_works.settings.labels["here"]
    serve = "while :; do echo served | nc -l -p 80; done"
    ended, _ = held(
        docker_works,
        f"""
        hold: on-failure
        services: {{web: {{image: "{image}", entrypoint: sh, command: "-c '{serve}'"}}}}
        steps:
          - run: test "$TREADLE_ATTEMPT" = 2
          - run: echo "> $(nc web 80)"
        """,
    )
    ended = again(docker_works, ended, here=True)
    assert (ended.status, ended.said()[0]) == ("success", "served"), ended.log()


def talked(shell: RecordedShell) -> tuple[int, str]:
    """Everything that a shell shows until its end, and its exit code."""
    said = b""
    shell_poll = select.poll()
    shell_poll.register(shell.fileno(), select.POLLIN)
    try:
        while True:
            assert shell.has_more or shell_poll.poll(20_000)
            shown = shell.receive()
            if shown is None:
                return shell.exit_code(), said.decode()
            said += b"".join(one.data for one in shown)
    finally:
        shell.close()


def set_hold(works: Works, hold: HoldSettings) -> None:
    works.stop()
    works.settings = replace(works.settings, hold=hold)
    works.start()


def is_gone(hold: Hold) -> bool:
    if hold.executor == "docker":
        return subprocess.run(["docker", "inspect", hold.box_id], capture_output=True).returncode != 0
    return not Path(f"/proc/{hold.box_id.split('-')[0]}").exists()


def test_a_box_whose_executor_cannot_hold_is_not_held(tmp_path: Path) -> None:
    executor = FakeExecutor(lambda _: 1)
    executor.held = None  # type: ignore[assignment]
    works = Works(tmp_path, settings_for(tmp_path), fake=executor).start()
    ended = works.run("hold: on-failure\nsteps: [{run: x}]")
    works.close()
    assert ended.statuses == {"a": "failed"}
    assert "##[warning]The box of this step is not held" in ended.log()
    assert works.store.holds.get(ended.job().id) is None
    assert [box.removed for box in executor.boxes.values()] == [True]
