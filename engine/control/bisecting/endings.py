"""How the job of a search ended in a run: what a verdict is made of. Reads store and logs, decides nothing."""

import re

from engine.core.bisect_verdicts import Ending
from engine.core.errors import EngineError
from engine.core.first_error import first_error
from engine.core.log_normal import normal_text
from engine.core.records import Attempt, Job, Step
from engine.core.states import STEP_BROKEN
from engine.store.logs.reader import LogReader
from engine.store.mending.bisects import RedJob
from engine.store.store import Store

TAIL_BYTES = 4 << 20  # of a step: what went wrong seldom stands further from its end
SILENCE = "nothing that looks like an error"
NUMBER = re.compile(r"(?<![\w<])[0-9]+")


def ending_of(store: Store, job: Job) -> Ending:
    """Return how a job ended, by its latest attempt."""
    attempts = store.queries.attempts(job.id)
    if not attempts:
        return Ending(job.status, reason=job.reason)
    last = attempts[-1]
    broken = (one for one in store.queries.steps(last.id) if one.status in STEP_BROKEN and one.conclusion != "success")
    step = next(broken, None)
    reason = last.reason or job.reason
    if step is None:
        return Ending(job.status, last.kind, reason=reason)
    error = _error(store, job, last, step)
    return Ending(job.status, last.kind, step.name, step.exit_code, error, reason)


def job_in(store: Store, run_id: int, red: RedJob) -> Job | None:
    """Return the job of another run that is the same as the red one: of its key, with its values of the matrix."""
    wanted = red.facts.job
    jobs = store.queries.jobs(run_id)
    return next((job for job in jobs if job.key == wanted.key and job.matrix == wanted.matrix), None)


def _error(store: Store, job: Job, attempt: Attempt, step: Step) -> str:
    """Return the first error of a step, without what differs between runs, and between commits: every number.

    "" where nothing that it said looks like an error, or its log is gone.
    """
    try:
        with LogReader(store.log_path(job.run_id, job.id, attempt.number)) as reader:
            start, end = reader.step_range(step.index)
            said = reader.read(max(start, end - TAIL_BYTES), end)
    except (EngineError, OSError):
        return ""
    found = first_error(said.rstrip() + f"\n{SILENCE}\n".encode(), attempt.reason)  # it falls back on the last line
    return "" if found == SILENCE else NUMBER.sub("<n>", normal_text(found))
