"""What an attempt says while it is taken up again, with an engine of the boxes that answers or does not."""

from types import SimpleNamespace
from typing import Any, cast

from engine.bus import Bus
from engine.core.clock import SystemClock
from engine.core.errors import ExecutorUnavailable
from engine.core.states import AttemptStatus
from engine.worker.halt import Halt
from engine.worker.opening import WAITS, Opening


class Box:
    """An executor that is away for the first `away` times that it is asked, and leaves `leaves` times after that."""

    def __init__(self, away: int = 0, leaves: int = 0) -> None:
        self.away = away
        self.leaves = leaves

    def adopt(self) -> str:
        if self.leaves:
            self.leaves -= 1
            raise ExecutorUnavailable("No Docker Engine answers.", "Start it.")
        return "box"

    def check(self) -> None:
        if self.away:
            self.away -= 1
            raise ExecutorUnavailable("No Docker Engine answers.", "Start it.")


def told_by(executor: Box, reason: str) -> list[str]:
    """Return what a job is said to wait for, one after the other, when an earlier engine left `reason`."""
    said: list[str] = []
    tools: Any = SimpleNamespace(
        clock=SystemClock(),
        bus=Bus(),
        executors=SimpleNamespace(get=lambda kind: executor),
        store=SimpleNamespace(queue=SimpleNamespace(tell=lambda lease, why: said.append(why))),
    )
    job: Any = SimpleNamespace(
        facts=SimpleNamespace(job=SimpleNamespace(reason=reason)), deadline_at=None, checkpoints=False
    )
    log: Any = SimpleNamespace(annotate=lambda level, text: None)
    lease: Any = SimpleNamespace()
    book: Any = SimpleNamespace()
    opening = Opening(tools, lease, Halt(), job, lambda: log, book)
    assert opening._answer("docker", lambda found: executor.adopt()) == "box"
    return said


def test_what_a_job_waits_for_is_taken_back_once_it_is_there() -> None:
    assert told_by(Box(away=1), "") == [f"{WAITS}: No Docker Engine answers.", ""]


def test_an_engine_that_leaves_between_two_questions_is_waited_for_as_well() -> None:
    assert told_by(Box(leaves=1), "") == [f"{WAITS}: No Docker Engine answers.", ""]


def test_so_is_what_an_engine_said_that_stopped_meanwhile() -> None:
    assert told_by(Box(), f"{WAITS}: No Docker Engine answers.") == [""]


def test_a_job_that_waits_for_nothing_is_left_as_it_is() -> None:
    assert told_by(Box(), "retried") == []


class Stepping(SystemClock):
    """Each look at it is a second later."""

    def __init__(self) -> None:
        self.s = 0.0

    def monotonic_s(self) -> float:
        self.s += 1
        return self.s


def outlasts(answers: list[bool], before: AttemptStatus = AttemptStatus.LOST) -> bool:
    """Return what is said of a failure when Docker `answers` so, time after time; `before`: how the last attempt ended.

    The last answer holds for all that follow.
    """

    def check() -> None:
        if not (answers.pop(0) if len(answers) > 1 else answers[0]):
            raise ExecutorUnavailable("No Docker Engine answers.", "Start it.")

    attempts = [SimpleNamespace(status=before), SimpleNamespace(status=AttemptStatus.RUNNING)]
    tools: Any = SimpleNamespace(
        clock=Stepping(),
        executors=SimpleNamespace(get=lambda kind: SimpleNamespace(check=check)),
        store=SimpleNamespace(queries=SimpleNamespace(attempts=lambda job_id: attempts)),
    )
    job: Any = SimpleNamespace(box_plan=SimpleNamespace(executor="docker"), deadline_at=None, checkpoints=False)
    nothing: Any = SimpleNamespace(job_id=1)
    return Opening(tools, nothing, Halt(), job, lambda: nothing, nothing).outlasts_restart()


def test_an_engine_that_is_being_stopped_may_answer_for_a_moment() -> None:
    assert outlasts([True, False, False, True])
    assert outlasts([False, True])


def test_one_that_answers_all_the_time_is_not_the_reason() -> None:
    assert not outlasts([True])
    assert not outlasts([False, True], before=AttemptStatus.FAILED)


def test_nobody_waits_for_ever_for_one_that_stays_away() -> None:
    assert not outlasts([False])


def test_a_job_that_no_executor_is_found_for_waits_for_none() -> None:
    class Lost:
        checkpoints = False

        @property
        def box_plan(self) -> Any:
            raise ExecutorUnavailable("No such label is mapped to an image.", "Add it.")

    clock, nothing = Stepping(), cast("Any", SimpleNamespace(job_id=1))
    attempts = [SimpleNamespace(status=AttemptStatus.LOST), SimpleNamespace(status=AttemptStatus.RUNNING)]
    store = SimpleNamespace(queries=SimpleNamespace(attempts=lambda job_id: attempts))
    tools: Any = SimpleNamespace(clock=clock, executors=None, store=store)
    assert not Opening(tools, nothing, Halt(), cast("Any", Lost()), lambda: nothing, nothing).outlasts_restart()
    assert clock.s == 0
