"""How people name runs and jobs on the command line.

A RUN is `12`, `r12`, `latest`, or `#3` (the newest run with that number). A JOB is `34`, `j34`, or RUN/NAME, such as
`latest/test (3.12)`. Where either is taken, a bare number is what the usage names first, if there is one.
"""

from app.cli.options import is_number
from app.cli.reads import Reads
from engine.core.errors import EngineError
from engine.core.records import Job, Run

RUN_HELP = "a run: its id (12 or r12), #NUMBER or latest"
JOB_HELP = "a job: its id (34 or j34), or RUN/NAME"
PAGE = 500


def find_run(queries: Reads, text: str) -> Run:
    """Return the run that `text` names. Raises EngineError when there is none."""
    found = _run(queries, text)
    if found is None:
        raise EngineError(f"There is no run {text}.", "`treadle list` shows those there are.")
    return found


def find_job(queries: Reads, text: str) -> Job:
    """Return the job that `text` names. Raises EngineError when there is none."""
    found = _job(queries, text)
    if found is None:
        raise EngineError(f"There is no job {text}.", "`treadle show RUN` lists a run's jobs.")
    return found


def find_either(queries: Reads, text: str, *, jobs_first: bool) -> Run | Job:
    """Return the run or job that `text` names. Raises EngineError when there is none."""
    run, job = _run, _job
    found = (job(queries, text) or run(queries, text)) if jobs_first else (run(queries, text) or job(queries, text))
    if found is None:
        raise EngineError(f"There is no run or job {text}.", "`treadle list` and `treadle show RUN` list them.")
    return found


def _run(queries: Reads, text: str) -> Run | None:
    if text == "latest":
        return next(iter(queries.runs(limit=1)), None)
    if text.startswith("#"):
        return _by_number(queries, int(text[1:])) if is_number(text[1:]) else None
    ident = text.removeprefix("r")
    return queries.run(int(ident)) if is_number(ident) else None


def _by_number(queries: Reads, number: int) -> Run | None:
    before: int | None = None
    while page := queries.runs(before=before, limit=PAGE):
        for run in page:
            if run.number == number:
                return run
        before = page[-1].id
    return None


def _job(queries: Reads, text: str) -> Job | None:
    where, slash, name = text.partition("/")
    if slash:
        run = find_run(queries, where)
        jobs = queries.jobs(run.id)
        named = [job for job in jobs if job.name == name] or [job for job in jobs if job.key == name]
        if len(named) > 1:
            names = ", ".join(repr(job.name) for job in named)
            raise EngineError(f"{name!r} are several jobs.", f"Name one: {names}.")
        return named[0] if named else None
    ident = text.removeprefix("j")
    return queries.job(int(ident)) if is_number(ident) else None
