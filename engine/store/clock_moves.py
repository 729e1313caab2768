"""What is due by the machine's clock, moved when that was set: in the rows of what runs and of what waits."""

from collections.abc import Collection
from datetime import datetime, timedelta

from engine.core.deadlines import LEASE_S
from engine.core.states import AttemptStatus, JobStatus
from engine.store.database import Database
from engine.store.tables.events import EventRow
from engine.store.tables.home import OutboxRow
from engine.store.tables.runs import AttemptRow, JobRow


class ClockMoves:
    def __init__(self, database: Database) -> None:
        self._db = database

    def follow(self, jump: timedelta, tokens: Collection[str], now: datetime) -> None:
        """Have what runs keep the time that it had, and what waits wait no longer than it was to.

        `tokens` are of attempts that began before the jump: an attempt's deadline counts from its start, and one that
        began later needs nothing. Every worker has a whole lease from `now` on to be heard.
        """
        with self._db.write():
            lease = now + timedelta(seconds=LEASE_S)
            running = AttemptRow.status == AttemptStatus.RUNNING
            AttemptRow.update(lease_expires_at=lease).where(running).execute()
            began = AttemptRow.select(AttemptRow.job_id).where(running & AttemptRow.token.in_(list(tokens)))
            ending = JobRow.select(JobRow.id, JobRow.deadline_at).where(JobRow.id.in_(began))
            for job in list(ending.where(JobRow.deadline_at.is_null(False))):
                JobRow.update(deadline_at=job.deadline_at + jump).where(JobRow.id == job.id).execute()
            if jump < timedelta(0):
                retrying = JobRow.select(JobRow.id, JobRow.next_attempt_at).where(JobRow.status == JobStatus.RETRYING)
                for job in list(retrying):
                    JobRow.update(next_attempt_at=job.next_attempt_at + jump).where(JobRow.id == job.id).execute()
                letters = OutboxRow.sent_at.is_null() & (OutboxRow.next_try_at > now)
                OutboxRow.update(next_try_at=now).where(letters).execute()
                EventRow.update(next_try_at=None).where(EventRow.next_try_at.is_null(False)).execute()
