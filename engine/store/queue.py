"""The queue: the jobs whose status is `queued`, in order, and the leases on those that run.

The rows are the truth. What is in memory only knows their order, is rebuilt from the rows at start, and a stale entry
costs a look: every claim is a compare-and-set on the row. What `engine/store/line.py` shows is read from rows.
What a worker writes waits for the lock as long as it takes: what its job has done must not be lost for a busy disk.
"""

import secrets
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core.beginning import CHECKPOINT, HELD
from engine.core.deadlines import LEASE_S, Watched
from engine.core.errors import LeaseLost
from engine.core.retry import Outcome
from engine.core.states import AttemptStatus, JobStatus, RunStatus, StepStatus
from engine.core.turns import Entry, Turns, order_s
from engine.store import durations, transitions
from engine.store.database import Database
from engine.store.disk import Disk
from engine.store.mending.failures import note_end
from engine.store.mending.holds import NewHold, begin_hold, hand_over
from engine.store.mending.kept_steps import Kept, keep
from engine.store.pause import Pause
from engine.store.tables.columns import DATABASE, instant
from engine.store.tables.runs import AnnotationRow, AttemptRow, JobRow, RunRow, StepRow
from engine.store.transitions import Change
from engine.store.verdicts import verdict_on
from pipelines.records import dataclass

# What every job and every step asks, in plain SQL: see engine/store/tables/columns.py.
_WATCHED = (
    "SELECT attempt.job_id, token, lease_expires_at, deadline_at, cancel_asked_at FROM attempt"
    " JOIN job ON job.id = attempt.job_id WHERE attempt.status = 'running'"
)
_CANCEL_ASKED = (
    "SELECT id, reason, cancel_now FROM job WHERE status = 'running' AND NOT is_call AND cancel_asked_at IS NOT NULL"
)
_HELD = "SELECT 1 FROM attempt WHERE id = ? AND token = ? AND status = 'running'"
_KEEP_STATE = "UPDATE attempt SET state = ? WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one attempt, proven by its token until it expires or is lost."""

    job_id: int
    run_id: int
    attempt_id: int
    number: int
    token: str
    worker: str


@dataclass(frozen=True, slots=True)
class StepNews:
    """One change of one step. Log bounds in bytes; `summary` is the step's Markdown, `why` its `if:` part by part (see
    pipelines/expr_trace), both masked."""

    index: int
    cause: str
    at: datetime
    exit_code: int | None = None
    reason: str = ""
    outcome: str = ""
    conclusion: str = ""
    log_start: int | None = None
    log_end: int | None = None
    summary: str = ""
    name: str = ""
    why: Any = None


class Queue:
    def __init__(self, database: Database, disk: Disk | None = None) -> None:
        self._db = database
        self._disk = disk or Disk(database.path.parent)
        self.pause = Pause(database)
        self._lock = threading.Lock()
        self._turns = Turns()
        self._orders: dict[int, float] = {}  # job -> its order; an entry with another one is stale
        self._doubted = False

    def load(self) -> int:
        """Rebuild the order from the rows; return how many jobs wait."""
        with self._lock:
            running = JobRow.select(JobRow.repo_id).where((JobRow.status == JobStatus.RUNNING) & (JobRow.is_call == 0))
            self._turns = Turns(Counter(row.repo_id for row in running))
            self._orders.clear()
        self._look_again()
        return self.waiting()

    def add(self, job_ids: Collection[int]) -> None:
        """Put jobs that just became `queued` in order."""
        ids = list(job_ids)
        for start in range(0, len(ids), 500):
            self._sort(JobRow.id.in_(ids[start : start + 500]))

    def doubt(self) -> None:
        """Note that a priority may have changed, perhaps by another process: the next claim looks at the rows first."""
        self._doubted = True

    def waiting(self) -> int:
        with self._lock:
            return len(self._orders)

    def claim(self, worker: str, now: datetime) -> Lease | None:
        """Give `worker` the first queued job; None if there is none, or while the queue is paused or the disk short.

        Order: larger priority, aged by waiting, put back by what its repository already runs; then the longer
        remaining path; then id. At least once: an attempt whose lease runs out is tried again as a new attempt.
        Raises StoreBusy after 5 s without the write lock.
        """
        if self._doubted:
            self._doubted = False
            self._look_again()
        if self._disk.look().short:
            return None
        while (popped := self._pop()) is not None:
            repo_id, entry = popped
            try:
                with self._db.write():
                    paused = self.pause.get() is not None
                    lease = None if paused else self._take(entry[2], worker, now)
            except BaseException:
                self._push(repo_id, entry)
                raise
            if paused:
                self._push(repo_id, entry)
                return None
            if lease is not None:
                with self._lock:
                    self._turns.count(repo_id, 1)
                return lease
        return None

    def heartbeat(self, tokens: Collection[str], now: datetime) -> set[str]:
        """Renew these leases; return the tokens that are still good."""
        with self._db.write():
            held = (AttemptRow.token.in_(list(tokens))) & (AttemptRow.status == AttemptStatus.RUNNING)
            AttemptRow.update(heartbeat_at=now, lease_expires_at=now + timedelta(seconds=LEASE_S)).where(held).execute()
            return {row.token for row in AttemptRow.select(AttemptRow.token).where(held)}

    def begin(self, lease: Lease, step_names: Sequence[str], deadline_at: datetime | None) -> None:
        """Record what the attempt will do and until when, from its beginning: repeatable. Raises LeaseLost."""
        with self._db.write(patient=True):
            self._held(lease)
            JobRow.write({"deadline_at": deadline_at}, "id = ?", (lease.job_id,))
            StepRow.delete().where(StepRow.attempt_id == lease.attempt_id).execute()
            self._add_steps(lease, 0, step_names)

    def keep(self, lease: Lease, kept: Kept, now: datetime) -> None:
        """Show steps of an earlier attempt as kept by this one, which has rows for them. Raises LeaseLost."""
        with self._db.write():
            self._held(lease)
            keep(lease, kept, lease.worker, now)

    def add_steps(self, lease: Lease, start: int, step_names: Sequence[str]) -> None:
        """Record steps that follow; those that are there already stay as they are. Raises LeaseLost."""
        with self._db.write(patient=True):
            self._held(lease)
            self._add_steps(lease, start, step_names)

    def note(
        self, lease: Lease, *, box_id: str | None = None, executor: str = "", image: str = "", state: Any = None
    ) -> None:
        """Keep what a restarted engine needs to take the attempt up again: its box, in which executor and of which
        image that is, '' on this machine, and its state. Raises LeaseLost."""
        fields: dict[str, Any] = {}
        if box_id is not None:
            fields |= {"box_id": box_id, "box_executor": executor, "box_image": image}
        if state is not None:
            fields["state"] = state
        with self._db.write(patient=True):
            self._held(lease)
            AttemptRow.write(fields, "id = ?", (lease.attempt_id,))

    def tell(self, lease: Lease, why: str) -> None:
        """Say what a job that runs waits for, '' for nothing; why somebody wants it ended stays. Raises LeaseLost."""
        with self._db.write(patient=True):
            self._held(lease)
            JobRow.update(reason=why).where((JobRow.id == lease.job_id) & JobRow.cancel_asked_at.is_null()).execute()

    def enter(self, lease: Lease, environment: str, url: str = "") -> None:
        """Note the environment that the job goes into, and where what it deploys can be seen. Raises LeaseLost."""
        with self._db.write(patient=True):
            self._held(lease)
            fields = {"environment": environment, "environment_url": url}
            JobRow.update(**fields).where(JobRow.id == lease.job_id).execute()

    def steps(self, lease: Lease, news: Sequence[StepNews], state: Any = None) -> None:
        """Write changes of steps, in order, in one transaction. Raises LeaseLost."""
        with self._db.write(patient=True):
            self._held(lease)
            for item in news:
                change = Change(item.cause, item.at, lease.worker, item.reason, item.exit_code)
                fields = {
                    name: value
                    for name in ("outcome", "conclusion", "log_start", "log_end", "summary", "name", "why")
                    if (value := getattr(item, name)) not in (None, "")
                }
                transitions.change_step(lease, item.index, change, **fields)
            if state is not None:
                DATABASE.execute_sql(_KEEP_STATE, (AttemptRow.state.db_value(state), lease.attempt_id))

    def annotate(self, lease: Lease, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep annotations: step, level, message, properties."""
        if rows:
            with self._db.write(patient=True):
                self._held(lease)
                AnnotationRow.insert_many([{"attempt_id": lease.attempt_id, **row} for row in rows]).execute()

    def finish(
        self,
        lease: Lease,
        outcome: Outcome,
        now: datetime,
        *,
        outputs: Mapping[str, str],
        tolerated: bool,
        hold: NewHold | None = None,
    ) -> JobStatus:
        """End the attempt, and say what becomes of its job; return the job's new status.

        With `hold` the box of an attempt that fails its job is held from now on. Durable: survives a power cut. Raises
        LeaseLost when somebody else ended the attempt; then nothing is written.
        """
        return self._end(lease.token, outcome, now, lease.worker, outputs, tolerated, hold)

    def end_overdue(self, token: str, outcome: Outcome, actor: str, now: datetime) -> JobStatus:
        """End an attempt over its worker's head. Raises LeaseLost when the worker was quicker."""
        return self._end(token, outcome, now, actor, {}, False)

    def take_over(self, attempt_id: int, worker: str, now: datetime) -> Lease | None:
        """Give a running attempt that an earlier engine left to `worker`, under a new token; None if it has ended."""
        token = secrets.token_hex(16)
        with self._db.write():
            left = (AttemptRow.id == attempt_id) & (AttemptRow.status == AttemptStatus.RUNNING)
            expires = now + timedelta(seconds=LEASE_S)
            fields = {"worker": worker, "token": token, "heartbeat_at": now, "lease_expires_at": expires}
            if AttemptRow.update(**fields).where(left).execute() != 1:
                return None
            attempt = AttemptRow.get_by_id(attempt_id)
            run_id = JobRow.get_by_id(attempt.job_id).run_id
        return Lease(attempt.job_id, run_id, attempt.id, attempt.number, token, worker)

    def watched(self) -> tuple[Watched, ...]:
        """Return every running attempt, as the watchdog sees it."""
        return tuple(
            Watched(job_id, token, datetime.fromtimestamp(expires, UTC), instant(deadline), instant(cancelled))
            for job_id, token, expires, deadline, cancelled in self._db.rows(_WATCHED)
        )

    def cancel_asked(self) -> dict[int, tuple[str, bool]]:
        """Return the running jobs that somebody wants ended: why, and whether at once."""
        return {job_id: (reason, bool(now)) for job_id, reason, now in self._db.rows(_CANCEL_ASKED)}

    # -- inside -----------------------------------------------------------------------------------------------------

    def _look_again(self) -> None:
        self._sort(JobRow.status == JobStatus.QUEUED)

    def _sort(self, wanted: Any) -> None:
        """Have an entry for each of these jobs where it belongs by now."""
        fields = (JobRow.id, JobRow.repo_id, JobRow.priority, JobRow.remaining_path, JobRow.created_at)
        for row in JobRow.select(*fields).where(wanted).namedtuples():
            self._push(row.repo_id, (order_s(row.created_at, row.priority), -row.remaining_path, row.id))

    def _push(self, repo_id: int, entry: Entry) -> None:
        order, _, job_id = entry
        with self._lock:
            if self._orders.get(job_id) != order:
                self._orders[job_id] = order
                self._turns.push(repo_id, entry)

    def _pop(self) -> tuple[int, Entry] | None:
        with self._lock:
            while (popped := self._turns.pop()) is not None:
                order, _, job_id = popped[1]
                if self._orders.get(job_id) == order:
                    del self._orders[job_id]
                    return popped
            return None

    def _take(self, job_id: int, worker: str, now: datetime) -> Lease | None:
        job = next(iter(JobRow.read("id = ?", (job_id,))), None)
        if job is None or job.status != JobStatus.QUEUED or job.cancel_asked_at is not None:
            return None
        number, began = job.attempts + 1, job.begin_at
        fields: dict[str, Any] = {"begin_at": None, "patched": began is not None and began["base"] == HELD}
        if not job.started_at:
            fields["started_at"] = now
        if not transitions.change_job(
            job_id, JobStatus.QUEUED, Change("claimed", now, worker), attempts=number, **fields
        ):
            return None
        attempt = AttemptRow.create(
            job_id=job_id, number=number, worker=worker, token=secrets.token_hex(16), status=AttemptStatus.RUNNING,
            queued_at=job.queued_at, started_at=now, heartbeat_at=now,
            lease_expires_at=now + timedelta(seconds=LEASE_S), began_at=began, **hand_over(job_id, began),
        )  # fmt: skip
        change = Change("claimed", now, worker)
        transitions.record_start(
            "attempt", job.run_id, AttemptStatus.RUNNING, change, job.name, job_id=job_id, attempt=number
        )
        [run] = RunRow.read("id = ?", (job.run_id,), ("status",))
        if run.status == RunStatus.QUEUED:
            transitions.change_run(job.run_id, RunStatus.QUEUED, Change("started", now, worker))
        return Lease(job_id, job.run_id, attempt.id, number, attempt.token, worker)

    def _add_steps(self, lease: Lease, start: int, names: Sequence[str]) -> None:
        rows = [
            {"attempt_id": lease.attempt_id, "position": index, "name": name, "status": StepStatus.PENDING}
            for index, name in enumerate(names, start)
        ]
        for first in range(0, len(rows), 200):
            StepRow.insert_many(rows[first : first + 200]).on_conflict_ignore().execute()

    def _held(self, lease: Lease) -> None:
        if DATABASE.execute_sql(_HELD, (lease.attempt_id, lease.token)).fetchone() is None:
            raise LeaseLost(f"Attempt {lease.number} of job {lease.job_id} is no longer {lease.worker}'s.")

    def _end(
        self,
        token: str,
        outcome: Outcome,
        now: datetime,
        actor: str,
        outputs: Mapping[str, str],
        tolerated: bool,
        hold: NewHold | None = None,
    ) -> JobStatus:
        with self._db.write(durable=True, patient=True):
            attempt = next(iter(AttemptRow.read("token = ? AND status = 'running'", (token,))), None)
            if attempt is None:
                raise LeaseLost("The attempt was ended by somebody else.")
            job = JobRow.get_by_id(attempt.job_id)
            verdict = verdict_on(job, outcome, now)
            change = Change(outcome.cause, now, actor, outcome.reason, outcome.exit_code)
            key = Lease(job.id, job.run_id, attempt.id, attempt.number, token, attempt.worker)
            self._end_steps(key, outcome, now, actor, "its box is held" if hold else "the attempt ended")
            if not transitions.change_attempt(attempt, job, change, outcome.kind):
                raise LeaseLost("The attempt was ended by somebody else.")
            note_end(job, attempt, outcome, now)
            fields: dict[str, Any] = {"outputs": dict(outputs), "deadline_at": None, "lost_count": 0}
            if verdict.cause == "will_retry":
                fields |= {
                    "next_attempt_at": verdict.next_attempt_at,
                    "retry_count": job.retry_count + 1,
                    "retries_left": job.retries_left - 1,
                }
            elif verdict.cause == "lost":
                fields["lost_count"] = job.lost_count + 1
                if attempt.began_at is not None and attempt.began_at["base"] == CHECKPOINT:
                    fields["begin_at"] = attempt.began_at  # it is there still, unlike a box that was held
            elif verdict.cause in ("gave_up", "overran"):
                fields["tolerated"] = tolerated
            if hold is not None and verdict.cause == "gave_up":
                fields["held_until"] = begin_hold(attempt, hold, now)
            change = Change(verdict.cause, now, actor, outcome.reason, outcome.exit_code)
            if not transitions.change_job(job.id, JobStatus.RUNNING, change, **fields):
                raise LeaseLost(f"Job {job.id} is no longer running.")
            if outcome.cause == "succeeded":
                durations.learn(job, attempt, now)
            [ended] = JobRow.read("id = ?", (job.id,), ("status",))
            status = JobStatus(ended.status)
        with self._lock:
            self._turns.count(job.repo_id, -1)
        if status == JobStatus.QUEUED:
            self.add([job.id])
        return status

    def _end_steps(self, lease: Lease, outcome: Outcome, now: datetime, actor: str, reason: str) -> None:
        """End what the worker left open: the step that overran is the one that ran when the time was up."""
        unfinished = "attempt_id = ? AND finished_at IS NULL ORDER BY position"
        for step in StepRow.read(unfinished, (lease.attempt_id,), ("position", "status")):
            overran = outcome.cause == "overran" and step.status == StepStatus.RUNNING
            change = Change("overran" if overran else "cancelled", now, actor, reason)
            transitions.change_step(lease, step.position, change)
