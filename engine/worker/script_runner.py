"""Runs one script in a box to its end: hands it over, moves its output into the log, ends it when it must."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.core.clock import Clock
from engine.core.deadlines import CLEANUP_S
from engine.core.errors import LeaseLost
from engine.worker.executor import BoxExit
from engine.worker.halt import Detached, Halt
from engine.worker.log_pump import discard
from engine.worker.session import Session, StepEnd, StepScript

LOOK_S = 0.05  # how often output is moved while a script runs
KILL_SLACK_S = 2.0  # how long after the grace period the driver may take before the whole box is killed


class Pump(Protocol):
    """What moves a script's raw output into the log: see engine/worker/log_pump.py."""

    def pump(self, step: int, fd: int) -> int: ...

    def finish(self, step: int, fd: int) -> int: ...

    def consumed(self, step: int) -> int: ...


@dataclass(frozen=True, slots=True)
class ScriptEnd:
    """How a script ended. `ended_by` says who ended it: '' (itself), cancel, timeout (its own), deadline (the job's)
    or gone (the box went away under it)."""

    exit_code: int
    oom_kills: int = 0
    ended_by: str = ""


class ScriptRunner:
    """One attempt's way to run scripts, one after another, in its box."""

    def __init__(
        self,
        session: Session,
        pump: Pump,
        halt: Halt,
        clock: Clock,
        grace_s: float,
        deadline_at: datetime | None,
        grew: Callable[[], None],
    ) -> None:
        self._session = session
        self._pump = pump
        self._halt = halt
        self._clock = clock
        self._grace_s = grace_s
        self._deadline_at = deadline_at
        self._grew = grew
        self._cleanup_until_s = 0.0
        self.stopped_by = ""
        self.box_exit: BoxExit | None = None

    def stopping(self) -> str:
        """Return why only always() steps run from now on: cancel, deadline, or '' while all is well.

        What is acted on once stays. After a cancel wish they have CLEANUP_S, after the job's deadline the grace period.
        """
        if not self.stopped_by:
            now_s = self._clock.monotonic_s()
            if self._halt.cancel.is_set() or self._halt.kill.is_set():
                self.stopped_by, self._cleanup_until_s = "cancel", now_s + CLEANUP_S
            elif self._deadline_at is not None and self._clock.now() >= self._deadline_at:
                self.stopped_by, self._cleanup_until_s = "deadline", now_s + self._grace_s
        return self.stopped_by

    @property
    def over(self) -> bool:
        """Whether no further script may run, not even to clean up."""
        if self.box_exit is not None or self._halt.kill.is_set():
            return True
        return bool(self.stopped_by) and self._clock.monotonic_s() >= self._cleanup_until_s

    def run(self, script: StepScript, timeout_s: float | None) -> ScriptEnd:
        """Run `script` to its end. Raises LeaseLost or Detached, leaving the box as each wants it."""
        self._session.start_step(script)
        return self.follow(script.index, timeout_s)

    def follow(self, index: int, timeout_s: float | None) -> ScriptEnd:
        """See a script that was handed over to its end."""
        started_s = self._clock.monotonic_s()
        ended_by, kill_at_s = "", None
        while True:
            news = self._session.poll(LOOK_S)
            fd = self._session.log_fd(index)
            if self._pump.pump(index, fd):
                discard(fd, self._pump.consumed(index))
                self._grew()
            if news is not None:
                self._pump.finish(index, fd)
                discard(fd, self._pump.consumed(index))
                self._session.close_log(index)
                self._grew()
                if isinstance(news, BoxExit):
                    self.box_exit = news
                    return ScriptEnd(news.exit_code, int(news.oom_killed), ended_by or "gone")
                return self._ended(news, ended_by)
            now_s = self._clock.monotonic_s()
            self._look_out()
            if kill_at_s is None:
                cleaning_up = bool(self.stopped_by)
                ended_by = self._why_end(now_s, started_s, timeout_s)
                if ended_by:
                    self._session.interrupt()
                    kill_at_s = now_s + KILL_SLACK_S + (0.0 if cleaning_up else self._grace_s)
            if (kill_at_s is not None and now_s >= kill_at_s) or self._halt.kill.is_set():
                ended_by = ended_by or self.stopping()
                self._session.box.kill()

    def _ended(self, end: StepEnd, ended_by: str) -> ScriptEnd:
        return ScriptEnd(end.exit_code, end.oom_kills, ended_by)

    def _look_out(self) -> None:
        if self._halt.lost.is_set():
            self._session.box.kill()
            raise LeaseLost("The lease of the attempt is gone.")
        if self._halt.detach.is_set():
            raise Detached

    def _why_end(self, now_s: float, started_s: float, timeout_s: float | None) -> str:
        if not self.stopped_by and self.stopping():
            return self.stopped_by
        if self.stopped_by and now_s >= self._cleanup_until_s:
            return self.stopped_by
        if timeout_s is not None and now_s - started_s >= timeout_s:
            return "timeout"
        return ""
