"""What a person asks of held boxes: to have one if a job fails, and to let one go. Others act on what is written."""

from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError
from engine.core.records import Job
from engine.core.states import JOB_FINAL
from engine.doorbell import ring
from engine.store.store import Store


def hold(store: Store, job: Job, wanted: bool = True) -> str:
    """Wish that a step that fails the job for good leaves its box, or not; return what was done, as a sentence.

    Raises EngineError if the job has ended, or calls others.
    """
    if job.is_call:
        raise EngineError(f"Job {job.id} calls a workflow.", "Name one of the jobs that it calls.")
    if not store.holds.wish(job.id, wanted):
        raise EngineError(f"Job {job.id} has ended: it is {job.status}.", "Retry it, and hold it while it runs.")
    if not wanted:
        return f"Job {job.id} leaves nothing behind."
    return f"Job {job.id} is held if one of its steps fails it."


def release(store: Store, job: Job, clock: Clock | None = None) -> str:
    """Let a held box go; return what was done, as a sentence. Raises EngineError if there is none to be let go."""
    if not store.holds.release(job.id, (clock or SystemClock()).now()):
        goes_on = store.holds.get(job.id) is not None and job.status not in JOB_FINAL
        raise EngineError(
            f"Job {job.id} is about to go on in its box." if goes_on else f"Job {job.id} holds no box.",
            "`treadle hold` lists what is held.",
        )
    ring(store.home)
    return f"The box of job {job.id} goes."
