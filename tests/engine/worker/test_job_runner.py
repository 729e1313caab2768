"""One attempt of one job: its outputs, its time, its cancelling, and how it goes on after what may befall it."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.core.errors import EngineError, ExecutorUnavailable
from engine.worker.executor import Box, BoxSpec, nothing
from engine.worker.fake_executor import FakeExecutor, FakeStep
from engine.worker.steps import script_runner
from tests.engine.worker.conftest import GRACE_S, settings_for
from tests.engine.works import Works

# -- outputs --------------------------------------------------------------------------------------------------------


def test_a_job_that_failed_gives_its_outputs_all_the_same(works: Works) -> None:
    ended = works.run("""
        jobs:
          a:
            runs-on: here
            outputs:
              good: ${{ steps.one.outputs.x }}
              status: ${{ job.status }}
              none: ${{ steps.two.outputs.x }}
            steps:
              - id: one
                run: echo "x=1" >> "$GITHUB_OUTPUT"; exit 1
          b:
            needs: a
            if: always()
            runs-on: here
            steps:
              - run: echo "> ${{ needs.a.result }} ${{ toJSON(needs.a.outputs) }}" | tr -d '\\n'
        """)
    assert ended.job("a").outputs == {"good": "1", "status": "failure", "none": ""}
    assert ended.said("b") == ["failure {  good: 1,  status: failure}"]


def test_an_output_that_may_hold_a_secret_is_left_out_and_says_so(works: Works) -> None:
    ended = works.run(
        """
        outputs: {leak: "key ${{ secrets.KEY }}", late: "${{ steps.m.outputs.x }}", fine: "1"}
        steps:
          - id: m
            run: |
              echo "::add-mask::masked-later"
              echo "x=masked-later" >> "$GITHUB_OUTPUT"
        """,
        secrets={"KEY": "hunter2-hunter2"},
    )
    assert ended.job().outputs == {"fine": "1"}
    assert ended.warnings() == [
        f"The output {name} is left out, since it may hold a secret." for name in ("leak", "late")
    ]


def test_an_output_that_cannot_be_worked_out_is_said(works: Works) -> None:
    ended = works.run("""
        outputs: {bad: "${{ fromJSON('{') }}", fine: "1"}
        steps: [{run: "true"}]
        """)
    assert ended.job().outputs == {"fine": "1"}
    assert ended.errors()[0].startswith("The output bad cannot be worked out: ")


# -- what a failure means -------------------------------------------------------------------------------------------


def test_a_job_may_be_allowed_to_fail_by_its_matrix_or_its_needs(works: Works) -> None:
    ended = works.run("""
        jobs:
          first:
            runs-on: here
            outputs: {lenient: "true"}
            steps: [{run: "true"}]
          a:
            needs: first
            runs-on: here
            strategy: {fail-fast: false, matrix: {os: [old, new]}}
            continue-on-error: ${{ matrix.os == 'old' || fromJSON(needs.first.outputs.lenient) }}
            steps: [{run: exit 1}]
          b:
            needs: a
            runs-on: here
            steps:
              - run: echo "> ${{ needs.a.result }}"
        """)
    assert ended.statuses == {"first": "success", "a (old)": "failed", "a (new)": "failed", "b": "success"}
    assert ended.status == "success"
    assert ended.said("b") == ["success"]


def test_a_broken_continue_on_error_of_a_job_is_said_and_tolerates_nothing(works: Works) -> None:
    ended = works.run("""
        continue-on-error: ${{ fromJSON('{') }}
        steps: [{run: exit 1}]
        """)
    assert ended.status == "failed"
    assert ended.errors()[1].startswith("`continue-on-error` cannot be worked out: ")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ("timeout-minutes: \"${{ fromJSON('{') }}\"", "`timeout-minutes` cannot be worked out: "),
        ("env: {X: \"${{ fromJSON('{') }}\"}", "`env.X` cannot be worked out: "),
        ("defaults: {run: {working-directory: \"${{ fromJSON('{') }}\"}}", "`defaults.run` cannot be worked out: "),
    ],
)
def test_a_job_that_cannot_be_worked_out_fails_with_a_sentence(works: Works, more: str, error: str) -> None:
    ended = works.run(f"{more}\nsteps: [{{run: echo never}}]")
    assert ended.statuses == {"a": "failed"}
    assert ended.errors()[0].startswith(error)
    assert ended.attempts()[0].reason == ended.errors()[0]
    assert ended.attempts()[0].kind == "failure"


def test_a_job_is_retried_from_a_clean_start_with_its_whole_time(works: Works) -> None:
    ended = works.run("""
        retry: {max: 1, backoff: 0s}
        timeout-minutes: 0.03
        steps:
          - run: test ! -e left; touch left; echo "MARK=1" >> "$GITHUB_ENV"
          - run: echo "> $TREADLE_ATTEMPT $MARK"; test "$TREADLE_ATTEMPT" = 2 || sleep 100
        """)
    assert ended.statuses == {"a": "success"}
    assert (ended.said(attempt=1), ended.said(attempt=2)) == (["1 1"], ["2 1"])
    first, second = ended.attempts()
    assert (first.status, first.kind, first.reason) == ("timed_out", "timed_out", "it ran past its timeout")
    assert second.status == "success"
    assert ended.job().retry_count == 1


# -- time -----------------------------------------------------------------------------------------------------------


def test_a_job_past_its_deadline_is_ended_with_all_that_it_started(works: Works) -> None:
    before = works.clock.monotonic_s()
    ended = works.run("""
        timeout-minutes: 0.01
        steps:
          - run: |
              trap '' TERM
              setsid sleep 4721 >/dev/null 2>&1 &
              env -i "$(command -v sleep)" 4721 &
              echo begun; sleep 4721
          - run: echo "> never"
        """)
    assert works.clock.monotonic_s() - before < 0.6 + GRACE_S + 5
    assert ended.statuses == {"a": "timed_out"}
    assert ended.status == "failed"
    assert ended.ends()[0] == "timed_out"
    assert ended.errors() == ["The step was ended: it ran past its job's timeout."]
    assert not running("sleep 4721")


def test_always_steps_have_the_grace_period_after_the_deadline_and_no_more(works: Works) -> None:
    ended = works.run("""
        timeout-minutes: 0.005
        steps:
          - run: sleep 100
          - if: always()
            run: echo "> ${{ job.status }}"; sleep 100
          - if: always()
            run: echo "> never"
        """)
    assert ended.said() == ["cancelled"]
    assert ended.ends() == ["timed_out", "timed_out", "cancelled"]
    assert ended.statuses == {"a": "timed_out"}


# -- cancelling -----------------------------------------------------------------------------------------------------


def test_a_cancelled_job_ends_gently_and_cleans_up(works: Works) -> None:
    run_id = works.record("""
        steps:
          - run: trap 'echo "> term"; exit 9' TERM; echo begun; while :; do sleep .01; done
          - run: echo "> never"
          - if: always()
            run: echo "> always ${{ job.status }}"
          - if: cancelled()
            run: echo "> cancelled"
          - if: failure()
            run: echo "> never"
        """)
    works.until_said(run_id, "\nbegun\n")
    works.cancel(run_id)
    ended = works.ended(run_id)
    assert ended.said() == ["term", "always cancelled", "cancelled"]
    assert ended.ends() == ["cancelled", "skipped", "success", "success", "skipped"]
    assert (ended.status, ended.statuses) == ("cancelled", {"a": "cancelled"})


def test_a_step_deaf_to_term_is_killed_after_the_grace_period(works: Works) -> None:
    run_id = works.record("steps:\n  - run: \"trap '' TERM; echo begun; while :; do sleep .1; done\"")
    works.until_said(run_id, "\nbegun\n")
    works.cancel(run_id)
    assert works.ended(run_id).ends() == ["cancelled"]


def test_a_job_that_is_cancelled_twice_runs_nothing_more(works: Works) -> None:
    run_id = works.record("""
        steps:
          - run: trap '' TERM; echo begun; while :; do sleep .1; done
          - if: always()
            run: echo "> never"
        """)
    works.until_said(run_id, "\nbegun\n")
    works.cancel(run_id)
    works.cancel(run_id)
    ended = works.ended(run_id)
    assert (ended.said(), ended.statuses) == ([], {"a": "cancelled"})


# -- executors that fail --------------------------------------------------------------------------------------------


class Odd(FakeExecutor):
    """An executor whose boxes cannot be started, or only after `self.before_start` was called."""

    error: Exception | None = None
    before_start: Any = staticmethod(lambda: None)

    def start(self, spec: BoxSpec, look: Callable[[], None] = nothing) -> Box:
        self.before_start()
        if self.error is not None:
            raise self.error
        return super().start(spec, look)


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[tuple[Odd, Works]]:
    executor = Odd(lambda step: 0)
    works = Works(tmp_path, settings_for(tmp_path), fake=executor)
    yield executor, works
    works.close()


def test_a_box_that_cannot_be_started_is_the_machines_fault(odd: tuple[Odd, Works]) -> None:
    executor, works = odd
    executor.error = EngineError("The box box-1 cannot be started: no space left.")
    ended = works.start().run("retry: {max: 1, backoff: 0s, on: [failure]}\nsteps: [{run: x}]")
    [attempt] = ended.attempts()
    assert (attempt.kind, attempt.reason) == ("infrastructure", "The box box-1 cannot be started: no space left.")
    assert ended.errors() == [attempt.reason]


def test_what_only_a_person_can_mend_is_told_apart(odd: tuple[Odd, Works]) -> None:
    executor, works = odd
    executor.error = ExecutorUnavailable("The image x has no `sh`.", "Use another.")
    ended = works.start().run("retry: 3\nsteps: [{run: x}]")
    [attempt] = ended.attempts()
    assert (attempt.kind, attempt.reason) == ("unavailable", "The image x has no `sh`. Use another.")


def test_a_cancel_while_an_image_is_pulled_starts_no_box(odd: tuple[Odd, Works], tmp_path: Path) -> None:
    executor, works = odd

    def pull(image: str, say: Any, credentials: Any, look: Any) -> None:
        say("pulling")
        for _ in range(3000):
            look()
            works.news.wait(0.01)

    executor.ensure_image = pull  # type: ignore[method-assign]
    works.settings = settings_for(tmp_path, labels={"here": "image:1"})
    works.executor = "docker"
    run_id = works.start().record("steps: [{run: x, if: always()}]")
    works.until_said(run_id, "pulling")
    works.cancel(run_id)
    ended = works.ended(run_id)
    assert (ended.statuses, ended.ends(), executor.boxes) == ({"a": "cancelled"}, ["cancelled"], {})


def test_an_attempt_whose_log_cannot_be_made_leaves_nothing_and_its_worker_goes_on(tmp_path: Path) -> None:
    works = Works(tmp_path, settings_for(tmp_path, workers=1), fake=FakeExecutor(lambda _: 0)).start()
    in_its_place = works.settings.home / "logs" / "1"
    in_its_place.write_text("no folder")
    ended = works.run("steps: [{run: x}]")
    in_its_place.unlink()
    assert (ended.statuses, works.run("steps: [{run: x}]").statuses) == ({"a": "failed"}, {"a": "success"})
    works.close()
    assert list((works.settings.home / "work").iterdir()) == []


# -- boxes that go away ---------------------------------------------------------------------------------------------


def test_a_box_that_goes_away_makes_a_new_attempt_and_costs_no_retry(tmp_path: Path) -> None:
    boxes: list[FakeStep] = []

    def go_away_once(step: FakeStep) -> int:
        boxes.append(step)
        if len(boxes) == 1:
            executor.boxes["fake-1"].kill()
        return 0

    executor = FakeExecutor(go_away_once)
    works = Works(tmp_path, settings_for(tmp_path), fake=executor).start()
    ended = works.run("retry: {max: 1, backoff: 0s}\nsteps: [{run: one}, {run: two}]")
    works.close()
    first, second = ended.attempts()
    assert (first.status, first.kind, first.reason) == ("lost", "infrastructure", "its container went away")
    assert "##[error]This attempt is lost: its container went away." in ended.log(attempt=1)
    assert (second.number, second.status) == (2, "success")
    assert (ended.job().retry_count, [step.spec.name for step in boxes][1:]) == (0, ["treadle-1-2-2"] * 2)
    assert all(box.removed for box in executor.boxes.values())


def test_a_job_whose_boxes_keep_going_away_is_given_up(tmp_path: Path) -> None:
    executor = FakeExecutor(lambda step: executor.boxes[f"fake-{len(executor.boxes)}"].kill() or 0)  # type: ignore[func-returns-value]
    works = Works(tmp_path, settings_for(tmp_path), fake=executor).start()
    ended = works.run("steps: [{run: one, continue-on-error: true}]")
    works.close()
    assert [str(attempt.status) for attempt in ended.attempts()] == ["lost"] * 5
    assert ended.statuses == {"a": "failed"}


def test_a_driver_that_does_not_answer_is_killed_and_its_step_timed_out(tmp_path: Path) -> None:
    hang = threading.Event()
    executor = FakeExecutor(lambda step: int(hang.wait(30)))
    works = Works(tmp_path, settings_for(tmp_path, grace_s=0.1), fake=executor).start()
    ended = works.run("steps: [{run: one, timeout-minutes: 0.001}, {run: two, if: always()}]")
    hang.set()
    works.close()
    [attempt] = ended.attempts()
    assert (attempt.status, attempt.kind) == ("failed", "timed_out")
    assert ended.ends() == ["timed_out", "cancelled"]


def test_a_box_that_was_killed_for_memory_says_so(tmp_path: Path) -> None:
    def oom(step: FakeStep) -> int:
        executor.boxes["fake-1"].oom()
        return 0

    executor = FakeExecutor(oom)
    works = Works(tmp_path, settings_for(tmp_path), fake=executor).start()
    ended = works.run("steps: [{run: one}]")
    works.close()
    [attempt] = ended.attempts()
    assert (attempt.status, attempt.kind) == ("failed", "oom")
    assert ended.errors() == ["The container was killed for memory."]


@pytest.mark.docker
def test_a_step_that_is_killed_for_memory_says_so(docker_works: Works) -> None:
    ended = docker_works.run("""
        resources: {memory: 32m}
        retry: {max: 1, backoff: 0s, on: [oom]}
        steps:
          - run: |
              test "$TREADLE_ATTEMPT" = 2 || { echo "> eating"; tail /dev/zero; }
        """)
    first, second = ended.attempts()
    assert (first.status, first.kind) == ("failed", "oom")
    assert first.reason.startswith("Killed for memory (exit code 137)")
    assert second.status == "success"


@pytest.mark.docker
def test_a_container_that_is_removed_makes_a_new_attempt(docker_works: Works) -> None:
    run_id = docker_works.record("""
        steps:
          - run: test "$TREADLE_ATTEMPT" = 2 || { echo begun; sleep 100; }
          - run: echo "> $TREADLE_ATTEMPT"
        """)
    docker_works.until_said(run_id, "\nbegun\n")
    [box] = docker_works.store.queries.running()
    subprocess.run(["docker", "rm", "-f", "-v", box.box_id], check=True, capture_output=True)
    ended = docker_works.ended(run_id)
    assert [str(attempt.status) for attempt in ended.attempts()] == ["lost", "success"]
    assert ended.said() == ["2"]


@pytest.mark.docker
def test_a_job_of_another_user_may_hand_files_over(docker_works: Works) -> None:
    ended = docker_works.run(f"""
        container: {{image: "{docker_works.settings.labels["here"]}", options: --user 1000:1000}}
        steps:
          - run: id -u | sed 's/^/> /'; echo kept > file; echo "x=1" >> "$GITHUB_OUTPUT"
          - uses: actions/upload-artifact@v4
            with: {{path: file}}
          - uses: actions/checkout@v4
            with: {{path: copy}}
          - run: echo "> $(cat copy/hello.txt) ${{{{ hashFiles('file') != '' }}}}"
        """)
    assert ended.status == "success", ended.log()
    assert ended.said() == ["1000", "hello true"]


# -- an engine that leaves ------------------------------------------------------------------------------------------

COUNT = 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo "> $i"; if [ $i = 200 ]; then {gate}; fi; done'


@pytest.mark.parametrize("kind", ["host", pytest.param("docker", marks=pytest.mark.docker)])
def test_a_running_step_is_taken_up_exactly_where_it_is(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    image = request.getfixturevalue("docker_engine") if kind == "docker" else "host"
    settings = settings_for(tmp_path, labels={"here": image})
    works = Works(tmp_path, settings, executor=kind).start()
    gate = COUNT.format(gate="until [ -e go ]; do sleep .01; done")
    run_id = works.record(
        f"""
        timeout-minutes: 5
        outputs: {{o: "${{{{ steps.count.outputs.o }}}}"}}
        steps:
          - run: echo "KEPT=yes" >> "$GITHUB_ENV"; echo "$PWD/bin" >> "$GITHUB_PATH"
          - id: count
            run: |
              {gate}
              echo "o=$KEPT" >> "$GITHUB_OUTPUT"
              echo "::warning::once"
          - run: echo "> ${{{{ steps.count.outputs.o }}}} $KEPT"; echo "$PATH" | grep -q "$PWD/bin"
        """,
        secrets={"KEY": "hunter2-hunter2"},
    )
    works.until_said(run_id, "> 200\n")
    deadline_at = works.job(run_id, "a").deadline_at
    works.stop()
    [attempt] = works.store.queries.running()
    assert "hunter2" not in json.dumps(works.store.queries.attempt_state(attempt.id))

    works = Works(tmp_path, settings, executor=kind).start()
    assert works.job(run_id, "a").deadline_at == deadline_at
    if kind == "host":
        (settings.home / "work" / "1-1" / "workspace" / "go").touch()
    else:
        subprocess.run(["docker", "exec", attempt.box_id, "touch", "go"], check=True, capture_output=True)
    ended = works.ended(run_id)
    works.close()
    [attempt] = ended.attempts()
    assert attempt.status == "success", ended.log()
    assert ended.said() == [*(str(n) for n in range(1, 401)), "yes yes"]
    assert ended.warnings() == ["once"]
    assert ended.job().outputs == {"o": "yes"}
    begin, end = ended.steps()[1].log_start, ended.steps()[1].log_end
    assert begin is not None
    assert end is not None
    part = ended.log().encode()[begin:end].decode()
    assert part.startswith("##[group]Run i=0")
    assert part.endswith("##[warning]once\n")


def test_what_is_left_of_a_steps_time_is_kept_over_a_restart(tmp_path: Path) -> None:
    works = Works(tmp_path, settings_for(tmp_path)).start()
    run_id = works.record("steps: [{run: echo begun; sleep 100, timeout-minutes: 0.02}]")
    works.until_said(run_id, "\nbegun\n")
    works.stop()
    works = Works(tmp_path, settings_for(tmp_path)).start()
    ended = works.ended(run_id)
    works.close()
    [attempt] = ended.attempts()
    assert ended.ends() == ["timed_out"]
    assert attempt.finished_at is not None
    assert (attempt.finished_at - attempt.started_at).total_seconds() < 1.2 + GRACE_S + 2


def test_a_deadline_that_passed_while_no_engine_ran_is_kept(tmp_path: Path) -> None:
    works = Works(tmp_path, settings_for(tmp_path)).start()
    run_id = works.record("timeout-minutes: 0.01\nsteps: [{run: echo begun; sleep 100}, {run: x, if: always()}]")
    works.until_said(run_id, "\nbegun\n")
    works.stop()
    deadline_at = works.job(run_id, "a").deadline_at
    works.until(lambda: deadline_at and works.clock.now() > deadline_at, "the deadline passes")
    works = Works(tmp_path, settings_for(tmp_path)).start()
    ended = works.ended(run_id)
    works.close()
    assert ended.statuses == {"a": "timed_out"}
    assert len(ended.attempts()) == 1


def test_an_engine_that_leaves_waits_a_little_for_what_nobody_could_take_up(tmp_path: Path) -> None:
    go = threading.Event()
    begun = threading.Event()

    def play(step: FakeStep) -> int:
        if "find" in step.script:
            begun.set()
            go.wait(30)
        elif "stop here" in step.script:
            step.interrupted.wait(30)
        return 0

    executor = FakeExecutor(play)
    works = Works(tmp_path, settings_for(tmp_path), fake=executor).start()
    run_id = works.record("""
        steps:
          - uses: actions/upload-artifact@v4
            with: {path: "*", if-no-files-found: ignore}
            continue-on-error: true
          - run: stop here
        """)
    assert begun.wait(30)
    leaving = threading.Thread(target=works.stop)
    leaving.start()
    go.set()
    leaving.join()
    [attempt] = works.store.queries.running()
    state = works.store.queries.attempt_state(attempt.id)
    assert (state["index"], state["running"] is not None) == (1, True)
    works = Works(tmp_path, settings_for(tmp_path), fake=executor).start()
    works.cancel(run_id)
    ended = works.ended(run_id)
    works.close()
    assert len(ended.attempts()) == 1


def test_an_attempt_left_in_what_nobody_can_take_up_becomes_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script_runner, "DETACH_S", 0.0)
    begun = threading.Event()

    def play(step: FakeStep) -> int:
        if "find" in step.script and step.spec.name == "treadle-1-1-1":
            begun.set()
            step.interrupted.wait(30)
        return 0

    executor = FakeExecutor(play)
    works = Works(tmp_path, settings_for(tmp_path), fake=executor).start()
    upload = "{uses: actions/upload-artifact@v4, with: {path: x}, continue-on-error: true}"
    run_id = works.record(f"retry: {{max: 1, backoff: 0s}}\nsteps: [{{run: x}}, {upload}]")
    assert begun.wait(30)
    works.stop()
    works = Works(tmp_path, settings_for(tmp_path), fake=executor).start()
    ended = works.ended(run_id)
    works.close()
    assert [(str(attempt.status), attempt.kind) for attempt in ended.attempts()] == [
        ("lost", "infrastructure"), ("success", ""),
    ]  # fmt: skip
    assert ended.job().retry_count == 0
    assert executor.boxes["fake-1"].removed


def running(command: str) -> bool:
    """Whether a process of this command line is alive."""
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        if line.endswith(command) and process.info["status"] != psutil.STATUS_ZOMBIE:
            return True
    return False


def test_nothing_of_a_home_is_left_on_the_machine(tmp_path: Path) -> None:
    works = Works(tmp_path, settings_for(tmp_path)).start()
    works.run("steps: [{run: 'setsid sleep 4722 >/dev/null 2>&1 & echo done'}]")
    works.close()
    assert not running("sleep 4722")
    assert list((works.settings.home / "work").iterdir()) == []
