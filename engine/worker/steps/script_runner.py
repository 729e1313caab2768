"""Runs one script in a box to its end: hands it over, moves its output into the log, ends it when it must."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from engine.core.clock import Clock
from engine.core.deadlines import CLEANUP_S, until_s
from engine.core.errors import LeaseLost
from engine.worker.executor import BoxExit
from engine.worker.halt import Detached, Halt
from engine.worker.log.pump import discard
from engine.worker.steps.script import StepScript, Surroundings
from engine.worker.steps.session import Session, StepEnd
from pipelines.records import dataclass

LOOK_S = 0.05  # how often output is moved while a script runs
DETACH_S = 10.0
KILL_AGAIN_S = 1.0  # how long after a kill it is tried again: an engine may be away
KILL_SLACK_S = 2.0  # how long after the grace period the driver may take before the whole box is killed


class Pump(Protocol):
    """What moves a script's raw output into the log: see engine/worker/log/pump.py."""

    def pump(self, step: int, fd: int) -> int: ...

    def finish(self, step: int, fd: int) -> int: ...

    def consumed(self, step: int) -> int: ...


class Task(Protocol):
    """What runs and is seen to its end: a script of the session, or a container beside the box."""

    def poll(self, timeout_s: float) -> StepEnd | BoxExit | None: ...

    def log_fd(self, index: int) -> int: ...

    def close_log(self, index: int) -> None: ...

    def interrupt(self) -> None: ...

    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ScriptEnd:
    """How a script ended. `ended_by` says who ended it: '' (itself), cancel, timeout (a limit of `limit_s`), deadline
    (the job's) or gone (the box went away under it)."""

    exit_code: int
    oom_kills: int = 0
    ended_by: str = ""
    limit_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """Until when the scripts of a step may run, on the monotonic clock."""

    seconds: float
    until_s: float


class ScriptRunner:
    """One attempt's way to run scripts, one after another, in its box.

    `stopped_by` says why only always() steps run any more: '' (it is not so), cancel or deadline. `gone`: the box went
    away by itself; one that was killed here, because its driver did not answer, did not.
    """

    def __init__(
        self,
        session: Session,
        pump: Pump,
        halt: Halt,
        clock: Clock,
        grace_s: float,
        deadline_at: datetime | None,
        grew: Callable[[], None],
        stopped_by: str = "",
    ) -> None:
        """`stopped_by` is what an earlier engine acted on: what cleans up since then gets its time, once more."""
        self._session = session
        self._pump = pump
        self._halt = halt
        self._clock = clock
        self.grace_s = grace_s
        self._deadline_s = until_s(deadline_at, clock)
        self._grew = grew
        self._limits: list[Limit] = []
        self._cleanup_until_s = 0.0
        self._leave_at_s: float | None = None
        self._box_exit: BoxExit | None = None
        self.stopped_by = ""
        self.gone = False
        if stopped_by:
            self._stop(stopped_by)

    @property
    def oom_killed(self) -> bool:
        """Whether the box as a whole was killed for memory."""
        return self._box_exit is not None and self._box_exit.oom_killed

    @property
    def gone_why(self) -> str:
        """What took the box away, '' where nobody knows."""
        return self._box_exit.why if self._box_exit is not None else ""

    def surroundings(self) -> Surroundings | None:
        """Return what the script that is in the box now runs in; None when that is not to be read."""
        return self._session.surroundings()

    def stopping(self) -> str:
        """Return why only always() steps run from now on: cancel, deadline, or '' while all is well.

        What is acted on once stays. After a cancel wish they have CLEANUP_S, after the job's deadline the grace period.
        """
        if not self.stopped_by:
            if self._halt.cancel.is_set() or self._halt.kill.is_set():
                self._stop("cancel")
            elif self._clock.monotonic_s() >= self._deadline_s:
                self._stop("deadline")
        return self.stopped_by

    @contextmanager
    def limit(self, seconds: float | None, began_at: datetime | None = None) -> Iterator[None]:
        """End what runs within after `seconds`, counted from now or from `began_at`. None sets no limit."""
        if seconds is None:
            yield
            return
        spent_s = (self._clock.now() - began_at).total_seconds() if began_at else 0.0
        limit = Limit(seconds, self._clock.monotonic_s() + seconds - max(0.0, spent_s))
        self._limits.append(limit)
        try:
            yield
        finally:
            self._limits.remove(limit)

    def spent(self) -> ScriptEnd | None:
        """Return why no further script may run here, not even to clean up; None if one may."""
        if self._box_exit is not None:
            return ScriptEnd(self._box_exit.exit_code, int(self._box_exit.oom_killed), "gone")
        if self._halt.kill.is_set():
            return ScriptEnd(0, 0, self.stopping())
        ended_by, limit_s = self._past()
        return ScriptEnd(0, 0, ended_by, limit_s) if ended_by else None

    def run(self, script: StepScript, resumable: bool = False) -> ScriptEnd:
        """Run `script` to its end. Raises LeaseLost or Detached, leaving the box as each wants it.

        One that no later engine could take up again (not `resumable`) gets DETACH_S to end before it is left.
        """
        self._session.start_step(script)
        return self.follow(script.index, resumable)

    def follow(self, index: int, resumable: bool, task: Task | None = None) -> ScriptEnd:
        """See a script that was handed over to its end, or a `task` beside the box whose output is that of `index`."""
        task = task or self._session
        ended_by, limit_s, killed = "", 0.0, False
        kill_at_s: float | None = None
        while True:
            news = task.poll(LOOK_S)
            self._move_output(task, index, whole=news is not None)
            if isinstance(news, BoxExit):
                self._box_exit, self.gone = news, not ended_by
                return ScriptEnd(news.exit_code, int(news.oom_killed), ended_by or "gone", limit_s)
            if news is not None:
                if not ended_by and self._session.was_interrupted(index):  # by an engine that is gone
                    ended_by, limit_s = self._why_end()
                return ScriptEnd(news.exit_code, news.oom_kills, ended_by, limit_s)
            if task is not self._session and (end := self._session.box.exited()) is not None:
                self._box_exit, self.gone = end, not ended_by
                task.kill()
                return ScriptEnd(end.exit_code, int(end.oom_killed), ended_by or "gone", limit_s)
            self._look_out(resumable)
            if not ended_by:
                grace_s = 0.0 if self.stopped_by else self.grace_s  # what cleans up had it already
                ended_by, limit_s = self._why_end()
                if ended_by:
                    task.interrupt()
                    kill_at_s = self._clock.monotonic_s() + grace_s + KILL_SLACK_S
            now_s = self._clock.monotonic_s()
            if self._halt.kill.is_set() and not killed:
                kill_at_s = now_s
            if kill_at_s is not None and now_s >= kill_at_s:
                ended_by, killed, kill_at_s = ended_by or self.stopping(), True, now_s + KILL_AGAIN_S
                task.kill()

    def interrupted(self) -> ScriptEnd | None:
        """Return how what is done for a step outside the box has to end now, None while it may go on.

        Raises LeaseLost and Detached as `run` does.
        """
        self._look_out(resumable=False)
        if (spent := self.spent()) is not None:
            return spent
        ended_by, limit_s = self._why_end()
        return ScriptEnd(0, 0, ended_by, limit_s) if ended_by else None

    def _stop(self, why: str) -> None:
        self.stopped_by = why
        self._cleanup_until_s = self._clock.monotonic_s() + (CLEANUP_S if why == "cancel" else self.grace_s)

    def _move_output(self, task: Task, index: int, whole: bool) -> None:
        fd = task.log_fd(index)
        grew = bool(self._pump.finish(index, fd) if whole else self._pump.pump(index, fd))
        if grew or whole:
            discard(fd, self._pump.consumed(index))
            self._grew()
        if whole:
            task.close_log(index)

    def _look_out(self, resumable: bool) -> None:
        if self._halt.lost.is_set():
            self._session.box.kill()
            raise LeaseLost("The lease of the attempt is gone.")
        if self._halt.detach.is_set():
            now_s = self._clock.monotonic_s()
            self._leave_at_s = self._leave_at_s or now_s + DETACH_S
            if resumable or now_s >= self._leave_at_s:
                raise Detached

    def _why_end(self) -> tuple[str, float]:
        """Return who ends what runs now, and the limit that it ran past."""
        if not self.stopped_by and self.stopping():
            return self.stopped_by, 0.0
        return self._past()

    def _past(self) -> tuple[str, float]:
        """Return which time is over, of cleaning up or of a step, and the step's limit."""
        now_s = self._clock.monotonic_s()
        if self.stopped_by and now_s >= self._cleanup_until_s:
            return self.stopped_by, 0.0
        for limit in self._limits:
            if now_s >= limit.until_s:
                return "timeout", limit.seconds
        return "", 0.0
