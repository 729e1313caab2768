"""How the job of a search ended in a run: what a verdict is made of. Reads the store, decides nothing."""

from engine.core.bisect_verdicts import Ending
from engine.core.records import Job
from engine.core.states import StepStatus
from engine.store.bisects import RedJob
from engine.store.store import Store

BROKEN = (StepStatus.FAILED, StepStatus.TIMED_OUT)


def ending_of(store: Store, job: Job) -> Ending:
    """Return how a job ended, by its latest attempt."""
    attempts = store.queries.attempts(job.id)
    if not attempts:
        return Ending(job.status, reason=job.reason)
    last = attempts[-1]
    broken = (one for one in store.queries.steps(last.id) if one.status in BROKEN and one.conclusion != "success")
    step = next((one.name for one in broken), "")
    return Ending(job.status, last.kind, step, store.bisects.fingerprint(last.id), last.reason or job.reason)


def job_in(store: Store, run_id: int, red: RedJob) -> Job | None:
    """Return the job of another run that is the same as the red one: of its key, with its values of the matrix."""
    wanted = red.facts.job
    jobs = store.queries.jobs(run_id)
    return next((job for job in jobs if job.key == wanted.key and job.matrix == wanted.matrix), None)
