"""What a run says of its commit, to one who looks for the commit that broke a job. Pure.

A commit is bad where the job fails as the red one did: of the same kind, in the same step, and, where both failures
have a fingerprint, with the same one. One that fails otherwise tells nothing of this fault, nor does one whose job did
not run, or was stopped by the machine rather than by the code.
"""

from dataclasses import dataclass

from engine.core.bisecting import Verdict
from engine.core.states import JobStatus

BLAMELESS = frozenset({"infrastructure", "unavailable"})
"""Kinds of failure that say nothing of the code."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended. `step` is the name of the first that failed, `kind` what its last attempt is blamed on."""

    status: JobStatus
    kind: str = ""
    step: str = ""
    fingerprint: str = ""
    reason: str = ""

    @property
    def broke(self) -> bool:
        """Did the code break, as far as one can tell?"""
        return self.status in (JobStatus.FAILED, JobStatus.TIMED_OUT) and bool(self.kind) and self.kind not in BLAMELESS


def verdict_of(red: Ending, tried: Ending | None) -> tuple[Verdict, str]:
    """Return what an ending says, held against that of the red job, and why. None: there was no such job."""
    if tried is None:
        return Verdict.SKIP, "the job did not come to be in it"
    if tried.status == JobStatus.SUCCESS:
        return Verdict.GOOD, "passed"
    if not tried.broke:
        return Verdict.SKIP, f"the job was {tried.status}" + (f": {tried.reason}" if tried.reason else "")
    if tried.kind != red.kind:
        return Verdict.SKIP, f"another failure: {tried.reason or tried.kind}"
    if tried.step != red.step:
        return Verdict.SKIP, f"another failure: in {tried.step!r}, not in {red.step!r}"
    if red.fingerprint and tried.fingerprint and tried.fingerprint != red.fingerprint:
        return Verdict.SKIP, f"another failure in {tried.step!r}"
    return Verdict.BAD, f"failed in {tried.step!r}" if tried.step else tried.reason or "failed"
