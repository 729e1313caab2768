"""What is due by the machine's clock, moved when that was set: in the rows of what runs and of what waits."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from engine.core.deadlines import LEASE_S, Watched
from engine.core.states import AttemptStatus, JobStatus
from engine.store.database import Database
from engine.store.tables.events import EventRow
from engine.store.tables.home import OutboxRow
from engine.store.tables.runs import AttemptRow, JobRow


class ClockMoves:
    def __init__(self, database: Database) -> None:
        self._db = database

    def follow(self, jump: timedelta, running: Collection[Watched], now: datetime) -> None:
        """Have what runs keep the time that it had, and what waits wait no longer than it was to.

        `running` are the attempts as they were before the jump: a deadline counts from the attempt's start, the time to
        clean up from the wish to cancel, and what began later needs nothing. Every worker has a whole lease from `now`
        on to be heard.
        """
        with self._db.write():
            lease = now + timedelta(seconds=LEASE_S)
            runs = AttemptRow.status == AttemptStatus.RUNNING
            AttemptRow.update(lease_expires_at=lease).where(runs).execute()
            known = {one.token: one for one in running}
            began: Any = AttemptRow.select(AttemptRow.token, JobRow.id, JobRow.deadline_at, JobRow.cancel_asked_at)
            began = began.join(JobRow, on=(JobRow.id == AttemptRow.job_id)).where(runs).namedtuples()
            for row in [row for row in began if row.token in known]:
                asked_at = row.cancel_asked_at if known[row.token].cancel_asked_at is not None else None
                fields = {"deadline_at": row.deadline_at, "cancel_asked_at": asked_at}
                moved = {name: at + jump for name, at in fields.items() if at is not None}
                if moved:
                    JobRow.update(**moved).where(JobRow.id == row.id).execute()
            if jump < timedelta(0):
                retrying = JobRow.select(JobRow.id, JobRow.next_attempt_at).where(JobRow.status == JobStatus.RETRYING)
                for job in list(retrying):
                    JobRow.update(next_attempt_at=job.next_attempt_at + jump).where(JobRow.id == job.id).execute()
                letters = OutboxRow.sent_at.is_null() & (OutboxRow.next_try_at > now)
                OutboxRow.update(next_try_at=now).where(letters).execute()
                EventRow.update(next_try_at=None).where(EventRow.next_try_at.is_null(False)).execute()
