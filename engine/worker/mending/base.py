"""What an attempt goes on from, if not from nothing: a box that was held, or whatever else holds files and a state.

Who can give an attempt a base is listed in `base_of`; how the box is opened then is in engine/worker/opening.py.
"""

from collections.abc import Callable
from typing import Protocol

from engine.core.beginning import CHECKPOINT, HELD, Beginning
from engine.core.errors import EngineError
from engine.worker.assignment import Assignment
from engine.worker.executor import Box, BoxSpec, Executor
from engine.worker.mending.job_checkpoints import CheckpointBase, JobCheckpoints
from engine.worker.steps.job_state import JobState
from engine.worker.tools import Tools


class Base(Protocol):
    """`fresh`: its box is a new one, which needs actions, services and a folder of its own as any other does."""

    fresh: bool
    beginning: Beginning

    def state(self) -> JobState:
        """Return what the steps came to before the one to begin at; its `index` is that step. Raises EngineError.

        Its `offset` and `pre` are those of the attempt `beginning.attempt`.
        """

    def open(self, executor: Executor, spec: BoxSpec) -> Box:
        """Return a box that holds the files of then, its driver waiting. Raises EngineError, leaving nothing behind."""


class HeldBase:
    """The box that a failed attempt left: its driver waits still, for the next script."""

    fresh = False

    def __init__(self, job: Assignment, beginning: Beginning) -> None:
        self.beginning = beginning
        self._job = job

    def state(self) -> JobState:
        state = self._job.kept_state()
        if state is None:
            raise self._gone()
        return state

    def open(self, executor: Executor, spec: BoxSpec) -> Box:
        box = executor.adopt(spec, self._job.attempt.box_id) if self._job.attempt.box_id else None
        if box is None:
            raise self._gone()
        if box.exited() is not None:
            box.remove()
            raise self._gone()
        return box

    def _gone(self) -> EngineError:
        return EngineError(
            f"The box that attempt {self.beginning.attempt} left is gone.", "Retry the job from its beginning."
        )


def base_of(tools: Tools, job: Assignment, checkpoints: JobCheckpoints, look: Callable[[], None]) -> Base | None:
    """Return what the attempt goes on from, None for one that begins at its first step. Raises EngineError.

    `look` is called while files are brought, and may raise to give up.
    """
    if job.beginning is None:
        return None
    if job.beginning.base == HELD:
        return HeldBase(job, job.beginning)
    if job.beginning.base == CHECKPOINT:
        return CheckpointBase(job.beginning, tools, job, checkpoints, look)
    raise EngineError(f"Nothing is known of a base called {job.beginning.base!r}.")
