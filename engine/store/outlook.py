"""What a forecast is made from: the jobs of all runs that have not ended, as the rows have them. Changes nothing."""

from collections.abc import Sequence
from typing import Any

from engine.core.moves import GROUP
from engine.core.paths import critical_path
from engine.core.play import Outlook, Work
from engine.core.states import RUN_FINAL, JobStatus, RunStatus
from engine.core.turns import PRIORITY_S
from engine.store.tables.columns import DATABASE

MOST_JOBS = 20_000  # of the oldest runs; what is behind these is not foretold
MOST_NEEDS = 200_000

_STATUSES = {str(status): status for status in JobStatus}
_OPEN = ", ".join(f"'{status}'" for status in sorted(set(RunStatus) - RUN_FINAL))
_OPEN_RUNS = f"SELECT id FROM run WHERE status IN ({_OPEN})"
_PENDING = f"job.status = '{JobStatus.PENDING}'"
_HELD = f"""job.status = '{JobStatus.BLOCKED}' OR run.status IN ('{RunStatus.PENDING}', '{RunStatus.BLOCKED}')
 OR ({_PENDING} AND job.waits_for GLOB '{GROUP}*')"""
_DOOMED = f"""job.cancel_asked_at IS NOT NULL OR run.cancel_asked_at IS NOT NULL
 OR ({_PENDING} AND NOT job.ancestry_ok)"""
# The columns are what a `Work` is made of, in its order.
_JOBS = f"""SELECT job.id, job.run_id, job.status, job.key, job.repo_id, NULL, job.parent_id, job.is_call,
 job.created_at - {PRIORITY_S} * job.priority, job.remaining_path, job.expected_s, job.started_at, job.finished_at,
 job.next_attempt_at, {_HELD}, {_DOOMED},
 CASE WHEN job.job_total > 1 THEN json_extract(job.plan, '$.max_parallel') END
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


def _work(row: Sequence[Any], needs: tuple[int, ...], begun: tuple[float, bool] | None) -> Work:
    ident, run_id, status, key, repo_id, _, caller, is_call, order, path, expected_s, started_s, *rest = row
    if begun is not None:
        started_s, began_late = begun
        if began_late:  # it does not do all that it usually does
            expected_s = None
    return Work(
        ident, run_id, _STATUSES[status], key, repo_id, needs, caller, is_call, order, path, expected_s, started_s,
        *rest,
    )  # fmt: skip
