"""The checkpoints of one attempt: which it begins at, which it takes, and what its log says of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.core.beginning import Beginning
from engine.core.errors import EngineError, LeaseLost, StoreBusy
from engine.store.contents.checkpoints import Checkpoint
from engine.store.queue import Lease
from engine.worker.assignment import Assignment
from engine.worker.box_files import OwnFiles
from engine.worker.executor import Box, BoxSpec, Executor
from engine.worker.halt import Detached
from engine.worker.log.job_log import JobLog
from engine.worker.mending.checkpoint import Checkpointer
from engine.worker.steps.job_state import JobState
from engine.worker.steps.script_runner import ScriptRunner
from engine.worker.tools import Tools


class _CutShort(Exception):
    """Somebody wants the attempt to end while a checkpoint is taken."""


class JobCheckpoints:
    """One attempt's. One that cannot be taken is a warning, and the last that was tried."""

    def __init__(self, tools: Tools, lease: Lease, job: Assignment, log: Callable[[], JobLog]) -> None:
        self._tools = tools
        self._lease = lease
        self._job = job
        self._log = log
        self._checkpointer: Checkpointer | None = None
        self._given_up = not job.checkpoints or job.attempt.patched

    @property
    def wanted(self) -> bool:
        return not self._given_up

    def take(self, box: Box, place: int, state: JobState, scripts: ScriptRunner) -> None:
        """Keep what the job is after the step at `place`. Raises LeaseLost and Detached."""
        tools, log, began_s = self._tools, self._log(), self._tools.clock.monotonic_s()

        def look() -> None:
            if scripts.interrupted() is not None:
                raise _CutShort

        if tools.store.disk.look().short:
            log.say(f"No checkpoint after step {place}: the disk is short of room.")
            return
        checkpointer = self._for(box, look)
        sealed = self._job.seal(replace(state, between=False, known=log.known()).to_json())
        try:
            found = checkpointer.take(place, sealed, tools.clock.now())
        except _CutShort:
            return
        except (LeaseLost, StoreBusy, Detached):
            raise
        except (EngineError, OSError) as error:
            self._given_up = True
            log.annotate("warning", f"No checkpoint after step {place}, and none from now on: {error}")
            return
        seconds = tools.clock.monotonic_s() - began_s
        log.say(f"Checkpoint after step {place}: {_size(found.size_bytes)} new, {seconds:.1f} s")
        for gone in tools.store.checkpoints.make_room(self._limit_bytes, tools.clock.now()):
            log.say(f"The checkpoint after step {gone.step} of job {gone.job_id} went to make room.")

    def lay_down(self, found: Checkpoint, box: Box, look: Callable[[], None]) -> None:
        """Make of a new box what a checkpoint says. Raises EngineError, and whatever `look` does."""
        began_s = self._tools.clock.monotonic_s()
        self._for(box, look).lay_down(found)
        seconds = self._tools.clock.monotonic_s() - began_s
        anew = "; services are started anew" if self._job.box_plan.services else ""
        self._log().say(
            f"The checkpoint after step {found.step} of attempt {found.attempt} is laid down, {seconds:.1f} s{anew}"
        )

    @property
    def _limit_bytes(self) -> int:
        return self._tools.settings.retention.checkpoints_bytes

    def _for(self, box: Box, look: Callable[[], None]) -> Checkpointer:
        if self._checkpointer is None:
            exchange = self._job.folder / "channel" / "exchange"
            plan = self._job.box_plan
            self._checkpointer = Checkpointer(
                self._tools.store.checkpoints, self._lease, box, exchange, f"{box.channel}/exchange", plan.executor,
                plan.image or "", self._limit_bytes, look,
            )  # fmt: skip
        self._checkpointer.look = look
        return self._checkpointer


class CheckpointBase:
    """A new box in which the files of a checkpoint are laid down."""

    fresh = True

    def __init__(
        self, beginning: Beginning, tools: Tools, job: Assignment, checkpoints: JobCheckpoints, look: Callable[[], None]
    ) -> None:
        self.beginning = beginning
        self._store = tools.store.checkpoints
        self._job = job
        self._checkpoints = checkpoints
        self._look = look

    def state(self) -> JobState:
        found = self._found()
        state = self._job.unseal(found.state)
        if found.base != OwnFiles.ROOT:  # on this machine each attempt has another folder
            state = json.loads(json.dumps(state).replace(_within(found.base), _within(str(self._job.folder))))
        return JobState.from_json(state)

    def open(self, executor: Executor, spec: BoxSpec) -> Box:
        found = self._found()
        box = executor.start(replace(spec, overlay=False))
        try:
            self._checkpoints.lay_down(found, box, self._look)
        except BaseException:
            box.remove()
            raise
        return box

    def _found(self) -> Checkpoint:
        found, plan = self._store.get(self._job.lease.job_id, self.beginning.step - 1), self._job.box_plan
        again = "Retry the job from its beginning."
        if found is None or found.attempt != self.beginning.attempt:
            raise EngineError(f"The checkpoint after step {self.beginning.step - 1} is gone.", again)
        if (found.executor, found.image) != (plan.executor, plan.image or ""):
            where = found.image or "this machine itself"
            raise EngineError(f"The checkpoint after step {found.step} is of a job on {where}.", again)
        return found


def _within(folder: str) -> str:
    """Return how a path begins, within JSON, that lies in this folder."""
    return json.dumps(str(Path(folder) / "x"))[1:-2]


def _size(size_bytes: int) -> str:
    """Return a size in words, in the unit that suits it."""
    for unit, least in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size_bytes >= least:
            return f"{size_bytes / least:.1f} {unit}"
    return f"{size_bytes} B"
