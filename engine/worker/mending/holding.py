"""Whether the box of a step that failed is held for a person, and what is kept so that somebody goes on in it."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from engine.core.retry import Outcome
from engine.store.mending.holds import NewHold
from engine.store.queue import Lease
from engine.worker.assignment import Assignment
from engine.worker.log.job_log import JobLog
from engine.worker.steps.job_state import JobState
from engine.worker.steps.script import Surroundings
from engine.worker.steps.session import EVENT, Session
from engine.worker.tools import Tools
from pipelines.errors import ExpressionError

log = logging.getLogger(__name__)


class Holding:
    """One attempt's. `new` is what to hold, None as long as nothing is."""

    def __init__(
        self, tools: Tools, lease: Lease, job: Assignment, log: JobLog, diagnosed: Callable[[Outcome], Outcome]
    ) -> None:
        self.new: NewHold | None = None
        self._tools = tools
        self._lease = lease
        self._job = job
        self._log = log
        self._diagnosed = diagnosed

    def take(self, before: Mapping[str, Any], state: JobState, place: int, surroundings: Surroundings) -> bool:
        """A step has failed: have the box held if that is wanted and fails the job for good; return whether it is.

        `before` is the state in front of the step, `state` the one behind it, which has not moved on yet.
        """
        store, job, failure = self._tools.store, self._job, state.failure
        if failure is None or not store.holds.is_wished(self._lease.job_id) or self._is_tolerated():
            return False
        now = self._tools.clock.now()
        outcome = self._diagnosed(Outcome("failed", failure["kind"], failure["exit_code"], failure["error"]))
        if not store.holds.would_hold(self._lease.job_id, outcome, now):
            return False
        kind = job.box_plan.executor
        if self._tools.executors.get(kind).held is None:
            self._log.annotate("warning", f"The box of this step is not held: the executor `{kind}` cannot.")
            return False
        until = now + timedelta(seconds=self._tools.settings.hold.ttl_s)
        known = self._log.known()
        kept = {
            "here": job.seal(_here(before, state, known)),
            "next": job.seal(_next(state, job.model.steps[state.index].key, known)),
            "shell": job.seal({"env": dict(surroundings.env), "cwd": surroundings.cwd, "known": known}),
            "services": bool(job.box_plan.services),
        }
        self.new = NewHold(kind, place, kept, until)
        ref = f"j{self._lease.job_id}"
        self._log.annotate(
            "notice",
            f"The box of this step is held until {until:%H:%M} UTC, and no later step has run: `treadle shell {ref}` "
            f"looks into it, `treadle retry {ref} --here` runs the step again, `--next` goes on after it.",
        )
        return True

    def tidy(self) -> None:
        """Take away what lies unmasked in the folder of a box that is held: a later attempt needs none of it."""
        try:
            Session.tidy(self._job.folder, EVENT)
            (self._job.folder / "commands.journal").unlink(missing_ok=True)
        except OSError as error:
            log.warning("Raw output of job %d stays while it is held: %s", self._lease.job_id, error)

    def _is_tolerated(self) -> bool:
        try:
            return self._job.tolerates()
        except ExpressionError:
            return False  # it fails its run, and says why


def _here(before: Mapping[str, Any], state: JobState, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state from which the step is run again; its script gets a number that no other has had."""
    return {**before, "script": state.script, "running": None, "hook": None, "between": True, "known": known}


def _next(state: JobState, key: str | None, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state from which the steps go on as if the step had been let fail."""
    told = state.to_json()
    if key:
        told["steps"][key] = {**told["steps"][key], "conclusion": "success"}
    index = state.index + 1
    return {**told, "index": index, "status": "success", "failure": None, "between": True, "known": known}
