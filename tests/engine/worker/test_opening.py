"""What an attempt says while it is taken up again, with an engine of the boxes that answers or does not."""

from types import SimpleNamespace
from typing import Any

from engine.bus import Bus
from engine.core.clock import SystemClock
from engine.core.errors import ExecutorUnavailable
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
