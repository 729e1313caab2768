"""Running again what has ended: all of a run, what failed of it, one job; from its beginning, or from a later step.

Writes wishes; the scheduler and the workers act on them.
"""

from engine.core.beginning import CHECKPOINT, HELD, Beginning
from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError
from engine.core.records import Job, Run
from engine.core.states import JOB_FINAL, RUN_FINAL, JobStatus
from engine.doorbell import ring
from engine.store.store import Store
from pipelines.records import dataclass

AGAIN = (JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELLED)
SETUP = ("Fetch action ", "Pull image ", "Pre ")  # how the steps are called that come before a job's own


@dataclass(frozen=True, slots=True)
class Again:
    """How something is run again. `failed`: of a run only what failed and what that held back. `step`: a job from this
    place on, as its log numbers the steps; `here`: from the step whose box is held, `next`: from the one after it.
    `debug`: with debug logging."""

    failed: bool = False
    step: int | None = None
    here: bool = False
    next: bool = False
    debug: bool = False

    @property
    def within(self) -> bool:
        """Whether a job is not to begin at its first step."""
        return self.step is not None or self.here or self.next


ALL = Again()


def retry(store: Store, target: Run | Job, again: Again, actor: str, clock: Clock | None = None) -> str:
    """Run a job or a run's jobs again under the same ids; return what was done, as a sentence.

    Results of green jobs are used as they are. Raises EngineError if there is nothing to do, or it cannot be.
    """
    now = (clock or SystemClock()).now()
    begin_at, where = None, ""
    if isinstance(target, Job):
        run_id, wanted = target.run_id, [target.id]
        if target.status not in JOB_FINAL:
            raise EngineError(f"Job {target.id} is {target.status}.", "Cancel it first, or wait for its end.")
        if again.within:
            begin_at, where = _beginning(store, target, again)
    else:
        if again.within:
            raise EngineError(f"Run {target.id} has jobs, and those have steps.", "Name one of its jobs.")
        run_id = target.id
        jobs = store.queries.jobs(run_id)
        wanted = _failed(jobs) if again.failed else [job.id for job in jobs if job.status in JOB_FINAL]
    run = store.queries.run(run_id)
    if run is not None and run.status not in RUN_FINAL and run.cancel_asked_at is not None:
        raise EngineError(f"Run {run_id} is being cancelled.", "Wait for its end.")
    found = begin_at.to_json() if begin_at else None
    reset = store.wishes.ask_retry(run_id, wanted, f"asked by {actor}", actor, now, found, debug=again.debug)
    if not reset:
        raise EngineError(f"Run {run_id} has no job to run again.")
    ring(store.home)
    debug = ", with debug logging" if again.debug else ""
    if isinstance(target, Job) and where:
        more = f", and {len(reset) - 1} more after it" if len(reset) > 1 else ""
        return f"Job {target.id} will run again {where}{debug}{more}."
    return f"{len(reset)} job{'s' if len(reset) > 1 else ''} of run {run_id} will run again{debug}."


def _beginning(store: Store, job: Job, again: Again) -> tuple[Beginning | None, str]:
    """Return where a job is to begin, None for its first step, and in words; or say why that cannot be."""
    attempts = store.queries.attempts(job.id)
    if not attempts:
        raise EngineError(f"Job {job.id} has no steps that ran.", "Retry it as a whole.")
    held = store.holds.get(job.id)
    if held is not None and (again.here or again.next or again.step == held.step):
        step = held.step + (1 if again.next else 0)
        return Beginning(HELD, held.step, held.number, again.next), f"from step {step} on, in the box that is held"
    if again.step is None:
        raise EngineError(
            f"Job {job.id} has no box that is held.", "`hold: on-failure` in the job, or `--hold`, keeps one."
        )
    steps = store.queries.steps(attempts[-1].id)
    if not 0 <= again.step < len(steps):
        raise EngineError(f"Job {job.id} has no step {again.step}.", f"Its steps are 0 to {len(steps) - 1}.")
    names = [step.name for step in steps[: again.step]]
    if all(name.startswith(SETUP) for name in names):
        return None, "from its first step on"
    found = store.checkpoints.before(job.id, again.step)
    if found is None:
        raise EngineError(
            f"Nothing was kept of job {job.id} before step {again.step}.",
            "`checkpoint: true` in the job, or `treadle run --checkpoint`, keeps what it is after each green step.",
        )
    where = f"from step {found.step + 1} on, on the checkpoint after step {found.step} of attempt {found.attempt}"
    return Beginning(CHECKPOINT, found.step + 1, found.attempt), where


def _failed(jobs: list[Job]) -> list[int]:
    """Return what to run again of a run's jobs: of one that calls a workflow only what failed within."""
    broken = [job for job in jobs if job.status in AGAIN]
    explained = {job.parent_id for job in broken}
    return [job.id for job in broken if job.id not in explained]
