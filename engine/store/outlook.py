"""What a forecast is made from: the jobs of all runs that have not ended, as the rows have them. Changes nothing."""

from typing import Any

from engine.core.paths import critical_path
from engine.core.play import Outlook, Work
from engine.core.scheduling import GROUP, PRIORITY_S
from engine.core.states import RUN_FINAL, JobStatus, RunStatus
from engine.store.tables.columns import DATABASE

MOST_JOBS = 20_000  # of the oldest runs; what is behind these is not foretold
MOST_NEEDS = 200_000

_OPEN = ", ".join(f"'{status}'" for status in sorted(set(RunStatus) - RUN_FINAL))
_OPEN_RUNS = f"SELECT id FROM run WHERE status IN ({_OPEN})"
_JOBS = f"""SELECT job.id, job.run_id, job.repo_id, job.key, job.status, job.parent_id, job.is_call, job.expected_s,
 job.created_at - {PRIORITY_S} * job.priority, job.remaining_path, job.started_at, job.finished_at,
 job.next_attempt_at, job.waits_for, job.ancestry_ok, job.cancel_asked_at,
 CASE WHEN job.job_total > 1 THEN json_extract(job.plan, '$.max_parallel') END, run.status, run.cancel_asked_at
 FROM run JOIN job ON job.run_id = run.id WHERE run.id IN (%s) ORDER BY run.id, job.id LIMIT {MOST_JOBS + 1}"""
_NEEDS = f"""SELECT edge.job_id, edge.need_id FROM job JOIN edge ON edge.job_id = job.id WHERE job.run_id IN (%s)
 LIMIT {MOST_NEEDS + 1}"""
_BEGUN = "SELECT job_id, started_at, began_at IS NOT NULL FROM attempt WHERE status = 'running'"
_WORKED_ON = "SELECT 1 FROM attempt WHERE status = 'running' AND lease_expires_at > ? LIMIT 1"


def outlook(workers: int, *, claims: bool) -> Outlook:
    """Return the jobs of the runs that have not ended, and who works on them: see `Outlook`.

    No more than MOST_JOBS, of the oldest runs; none where they need each other more often than MOST_NEEDS.
    """
    return Outlook(_works(_OPEN_RUNS), workers, claims)


def path_of(run_id: int) -> tuple[int, ...]:
    """Return the jobs that the end of a run waited for, one after the other."""
    works = _works("?", run_id)
    return critical_path(works, {work.id: work.finished_s for work in works if work.finished_s is not None})


def is_worked_on(now_s: float) -> bool:
    """Does anything run under a lease that is good, so that there is an engine?"""
    return DATABASE.execute_sql(_WORKED_ON, (now_s,)).fetchone() is not None


def _works(runs: str, *of: int) -> tuple[Work, ...]:
    rows = DATABASE.execute_sql(_JOBS % runs, of).fetchall()
    if len(rows) > MOST_JOBS:
        last = rows[-1][1]
        rows = [row for row in rows if row[1] != last]
    if not rows:
        return ()
    edges = DATABASE.execute_sql(_NEEDS % runs, of).fetchall()
    if len(edges) > MOST_NEEDS:
        return ()
    needs: dict[int, list[int]] = {}
    for job_id, need_id in edges:
        needs.setdefault(job_id, []).append(need_id)
    begun = {job_id: (started_s, late) for job_id, started_s, late in DATABASE.execute_sql(_BEGUN).fetchall()}
    return tuple(_work(row, tuple(needs.get(row[0], ())), begun.get(row[0])) for row in rows)


def _work(row: Any, needs: tuple[int, ...], begun: tuple[float, bool] | None) -> Work:
    (
        job_id, run_id, repo_id, key, status, caller, is_call, expected_s, order, path, started_s, finished_s, due_s,
        waits_for, ancestry_ok, cancelled_s, max_parallel, run_status, run_cancelled_s,
    ) = row  # fmt: skip
    pending = status == JobStatus.PENDING
    if begun is not None:
        started_s, began_late = begun
        if began_late:  # it does not do all that it usually does
            expected_s = None
    return Work(
        id=job_id,
        run_id=run_id,
        status=JobStatus(status),
        key=key,
        repo_id=repo_id,
        needs=needs,
        caller=caller,
        is_call=bool(is_call),
        order=order,
        path=path,
        expected_s=expected_s,
        started_s=started_s,
        finished_s=finished_s,
        due_s=due_s,
        held=status == JobStatus.BLOCKED
        or run_status in (RunStatus.PENDING, RunStatus.BLOCKED)
        or (pending and waits_for.startswith(GROUP)),
        doomed=cancelled_s is not None or run_cancelled_s is not None or (pending and not ancestry_ok),
        max_parallel=max_parallel,
    )
