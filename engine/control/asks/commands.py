"""What a person may ask of runs and jobs that exist. Writes wishes; the scheduler and the workers act on them."""

from collections.abc import Mapping
from typing import Any

from engine.control.asks.dispatch import dispatch_arrival
from engine.control.repo_ids import repo_id_of
from engine.control.sources import is_local
from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError
from engine.core.records import Job, Run
from engine.core.states import JOB_FINAL, RUN_FINAL, JobStatus
from engine.doorbell import ring
from engine.settings.model import RepoSettings
from engine.store.store import Store

HIGHEST = 1000  # a priority; each point is a minute, so this is most of a day


def cancel(store: Store, target: Run | Job, actor: str, clock: Clock | None = None) -> str:
    """Wish that a run or a job ends; return what was done, as a sentence. Raises EngineError if it has ended.

    While it is ending, the wish is that it does so at once: with no grace period, and without its always() steps.
    """
    now = (clock or SystemClock()).now()
    reason = f"cancelled by {actor}"
    is_run = isinstance(target, Run)
    run_id, job_id = (target.id, None) if is_run else (None, target.id)
    what = f"{'Run' if is_run else 'Job'} {target.id}"
    with store.database.write(durable=True):
        if store.wishes.ask_cancel(run_id, job_id, reason, actor, now):
            done = f"{what} is being cancelled. Cancel it again to end it at once."
        elif store.wishes.end_now(run_id, job_id, reason, now):
            done = f"{what} is ended at once."
        else:
            known = (store.queries.run if is_run else store.queries.job)(target.id)
            if known is None or known.status in RUN_FINAL | JOB_FINAL:
                raise EngineError(f"{what} has ended already: it is {(known or target).status}.")
            return f"{what} is being ended at once already."
    ring(store.home)
    return done


def approve(store: Store, target: Run | Job, actor: str, clock: Clock | None = None) -> str:
    """Let a run or a job go that waits for a person; return what was done, as a sentence.

    Of a run that goes already, every job that waits for its environment. Raises EngineError if nothing waits.
    """
    now = (clock or SystemClock()).now()
    if isinstance(target, Run) and store.wishes.approve(target.id, actor, now):
        ring(store.home)
        return f"Run {target.id} is approved."
    jobs = store.queries.jobs(target.id) if isinstance(target, Run) else [target]
    waiting = [job for job in jobs if job.status == JobStatus.BLOCKED]
    with store.database.write(durable=True):
        let_go = [job.name for job in waiting if store.wishes.approve_job(job.id, actor, now)]
    if not let_go:
        what = "Run" if isinstance(target, Run) else "Job"
        raise EngineError(f"{what} {target.id} does not wait for approval: it is {target.status}.")
    ring(store.home)
    return f"{', '.join(let_go)} {'is' if len(let_go) == 1 else 'are'} approved."


def pause(store: Store, actor: str, clock: Clock | None = None) -> str:
    """Have no job claimed until `resume`; return what was done, as a sentence. What runs goes on."""
    if not store.queue.pause.set(actor, (clock or SystemClock()).now()):
        return "The queue is paused already."
    ring(store.home)
    return "The queue is paused. What runs goes on."


def resume(store: Store) -> str:
    """Let jobs be claimed again; return what was done, as a sentence."""
    if not store.queue.pause.clear():
        return "The queue was not paused."
    ring(store.home)
    return "The queue goes on."


def prioritize(store: Store, job: Job, priority: int) -> str:
    """Give a job another priority, a larger one runs first; return what was done, as a sentence.

    Raises EngineError if the job has ended, or the number is out of bounds.
    """
    if not -HIGHEST <= priority <= HIGHEST:
        raise EngineError(f"A priority lies between {-HIGHEST} and {HIGHEST}.")
    if not store.wishes.prioritize(job.id, priority):
        raise EngineError(f"Job {job.id} has ended.")
    store.queue.doubt()
    ring(store.home)
    return f"Job {job.id} has the priority {priority}."


def pin(store: Store, run: Run, actor: str, clock: Clock | None = None) -> str:
    """Keep a run whatever its age; return what was done, as a sentence."""
    if not store.pins.pin(run.id, actor, (clock or SystemClock()).now()):
        return f"Run {run.id} is pinned already."
    return f"Run {run.id} is pinned: it stays, with its logs and artifacts."


def unpin(store: Store, run: Run) -> str:
    """Let a pinned run go when its time comes; return what was done, as a sentence."""
    if not store.pins.unpin(run.id):
        return f"Run {run.id} was not pinned."
    return f"Run {run.id} is not pinned any more."


def replay(store: Store, event_id: int) -> str:
    """Have an event planned once more, as if it had just come; return what was done, as a sentence.

    Raises EngineError if there is no such event.
    """
    event = store.inbox.get(event_id)
    if event is None:
        raise EngineError(f"There is no event {event_id}.", "`treadle events` shows those there are.")
    if is_local(event.delivery):
        raise EngineError(f"Event {event_id} is of `treadle run`, whose files may be others by now.", "Retry its run.")
    if not store.inbox.replay(event_id):
        raise EngineError(f"Event {event_id} is so old that what it said is gone.")
    ring(store.home)
    return f"Event {event_id} is planned once more."


def dispatch(
    store: Store,
    repo: RepoSettings,
    workflow: str,
    ref: str | None,
    inputs: Mapping[str, Any],
    actor: str,
    clock: Clock | None = None,
) -> int:
    """Ask for a run of a workflow (path, file name or name) at `ref` (None: the default branch); return the event.

    It is planned as any other event: what stands in its way is said there. Raises EngineError for inputs that are no
    texts, numbers or booleans.
    """
    arrival = dispatch_arrival(repo_id_of(store, repo), repo.name, workflow, ref, inputs, actor)
    [(event_id, _)] = store.inbox.accept([arrival], (clock or SystemClock()).now())
    ring(store.home)
    return event_id
