"""What a run says of its commit, to one who looks for the commit that broke a job. Pure.

A commit is bad where the job fails as the red one did: of the same kind, in the same step, with the same exit code,
and, where both said what went wrong, with the same first error. One that fails otherwise tells nothing of this fault,
nor does one whose job did not run, or was stopped by the machine rather than by the code.
"""

from engine.core.bisecting import Verdict
from engine.core.slo import SYSTEM_KINDS
from engine.core.states import JOB_BROKEN, JobStatus
from pipelines.records import dataclass

SHOWN = 200  # characters of an error


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended. `kind` is what its last attempt is blamed on, `step` the name of the first that failed, `error`
    the first error that this printed, without what differs from run to run and commit to commit."""

    status: JobStatus
    kind: str = ""
    step: str = ""
    exit_code: int | None = None
    error: str = ""
    reason: str = ""

    @property
    def broke(self) -> bool:
        """Did the code break, as far as one can tell?"""
        return self.status in JOB_BROKEN and bool(self.kind) and self.kind not in SYSTEM_KINDS


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
    if tried.exit_code != red.exit_code:
        return Verdict.SKIP, f"another failure in {tried.step!r}: exit code {tried.exit_code}, not {red.exit_code}"
    if red.error and tried.error and tried.error != red.error:
        return Verdict.SKIP, f"another failure in {tried.step!r}: {tried.error[:SHOWN]}"
    return Verdict.BAD, f"failed in {tried.step!r}" if tried.step else tried.reason or "failed"
