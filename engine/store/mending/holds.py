"""The boxes that failed attempts left to a person. A hold is a row beside its job, whose status says nothing of it.

What begins and ends one is written here; the box itself is the engine's to keep and to take away.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from engine.core.beginning import HELD
from engine.core.retry import Outcome
from engine.core.states import JOB_FINAL, AttemptStatus
from engine.store.database import Database
from engine.store.tables.mending import HoldRow
from engine.store.tables.runs import AttemptRow, JobRow
from engine.store.verdicts import verdict_on
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class NewHold:
    """What is to be held of an attempt: in which executor's box, at which step, until when, and what to go on from.

    `state` has "here", to run the step again, "next", to go on after it, "shell", what a shell in its place sees, all
    sealed, and "services", whether there are any beside the box.
    """

    executor: str
    step: int
    state: Any
    until: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """A box that is held. `attempt_id` and `number` are of the attempt that failed in it, `maker` (number and id) of
    the one that made it. `state` is sealed. `wanted`: a person has asked the job to go on in it."""

    job_id: int
    attempt_id: int
    number: int
    executor: str
    box_id: str
    maker: tuple[int, int]
    step: int
    state: Any
    memory_bytes: int
    touched: bool
    held_at: datetime
    until: datetime
    wanted: bool = False


class Holds:
    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[Hold]:
        """Return every hold, the oldest first."""
        jobs = JobRow.select().where(JobRow.id.in_(HoldRow.select(HoldRow.job_id)))
        wanted = {job.id for job in jobs if _goes_on(job)}
        return [
            _record(row, row.job_id in wanted) for row in HoldRow.select().order_by(HoldRow.held_at, HoldRow.job_id)
        ]

    def get(self, job_id: int) -> Hold | None:
        row = HoldRow.get_or_none(HoldRow.job_id == job_id)
        return None if row is None else _record(row, False)

    def wish(self, job_id: int, wanted: bool) -> bool:
        """Note whether a step of the job that fails for good is to leave its box; return whether it can still fail."""
        with self._db.write(durable=True):
            still_open = (JobRow.id == job_id) & JobRow.status.not_in(list(JOB_FINAL))
            return bool(JobRow.update(hold=wanted).where(still_open).execute())

    def is_wished(self, job_id: int) -> bool:
        """Whether somebody wants the job's box if it fails for good, as of now."""
        return bool(JobRow.select(JobRow.hold).where(JobRow.id == job_id).scalar())

    def would_hold(self, job_id: int, outcome: Outcome, now: datetime) -> bool:
        """Whether an attempt that ends like this fails the job for good, which leaves its box to be held."""
        job = JobRow.get_by_id(job_id)
        return job.cancel_asked_at is None and verdict_on(job, outcome, now).cause == "gave_up"

    def release(self, job_id: int, now: datetime) -> bool:
        """Wish that a held box goes; return whether there is one that its job does not go on in."""
        with self._db.write(durable=True):
            job = JobRow.get_or_none(JobRow.id == job_id)
            if job is not None and _goes_on(job):
                return False
            return let_go([job_id], now)

    def touch(self, job_id: int, until: datetime) -> None:
        """Note that a person has a shell in a held box, which stays until then at least."""
        with self._db.write():
            HoldRow.update(touched=True).where(HoldRow.job_id == job_id).execute()
            HoldRow.update(until=until).where((HoldRow.job_id == job_id) & (HoldRow.until < until)).execute()
            stays = HoldRow.select(HoldRow.until).where(HoldRow.job_id == job_id)
            JobRow.update(held_until=stays).where(JobRow.id == job_id).execute()

    def touch_running(self, job_id: int, attempt_id: int) -> None:
        """Note that a person has a shell in the box of an attempt that runs: it is patched from now on."""
        with self._db.write():
            running = (AttemptRow.id == attempt_id) & (AttemptRow.status == AttemptStatus.RUNNING)
            if AttemptRow.update(patched=True).where(running).execute():
                JobRow.update(patched=True).where(JobRow.id == job_id).execute()

    def measured(self, memory_bytes: Mapping[int, int]) -> None:
        """Note how much memory each job's held box uses."""
        with self._db.write():
            for job_id, used in memory_bytes.items():
                HoldRow.update(memory_bytes=used).where(HoldRow.job_id == job_id).execute()

    def end(self, hold: Hold) -> bool:
        """Forget a hold, whose box is then to be taken away; return whether it was still there to be forgotten."""
        with self._db.write():
            job = JobRow.get_or_none(JobRow.id == hold.job_id)
            if job is not None and _goes_on(job):
                return False
            same = (HoldRow.job_id == hold.job_id) & (HoldRow.attempt_id == hold.attempt_id)
            if not HoldRow.delete().where(same).execute():
                return False
            JobRow.update(held_until=None).where(JobRow.id == hold.job_id).execute()
            return True

    def forget_all(self) -> None:
        """Forget every hold: for a home that has none of their boxes."""
        with self._db.write():
            JobRow.update(held_until=None).where(JobRow.id.in_(HoldRow.select(HoldRow.job_id))).execute()
            HoldRow.delete().execute()


def begin_hold(attempt: AttemptRow, new: NewHold, now: datetime) -> datetime:
    """Inside a write: hold the box of an attempt that ends; return until when."""
    HoldRow.replace(
        job_id=attempt.job_id, attempt_id=attempt.id, number=attempt.number, executor=new.executor,
        box_id=attempt.box_id, box_attempt_id=attempt.box_attempt_id or attempt.id,
        box_number=attempt.box_number or attempt.number, step=new.step, state=new.state, held_at=now, until=new.until,
    ).execute()  # fmt: skip
    return new.until


def hand_over(job_id: int, began: Mapping[str, Any] | None) -> dict[str, Any]:
    """Inside a write: give a held box to the attempt that begins in it; return what its row has to say for that.

    A box that is gone leaves nothing to be said: its attempt finds out.
    """
    if began is None or began["base"] != HELD:
        return {}
    row = HoldRow.get_or_none((HoldRow.job_id == job_id) & (HoldRow.number == began["attempt"]))
    if row is None:
        return {"patched": True}
    HoldRow.delete().where(HoldRow.job_id == job_id).execute()
    JobRow.update(held_until=None).where(JobRow.id == job_id).execute()
    return {
        "patched": True,
        "box_id": row.box_id,
        "box_executor": row.executor,
        "box_image": AttemptRow.select(AttemptRow.box_image).where(AttemptRow.id == row.attempt_id).scalar() or "",
        "box_attempt_id": row.box_attempt_id,
        "box_number": row.box_number,
        "state": row.state["next" if began["skip"] else "here"],
    }


def let_go(job_ids: Collection[int], now: datetime) -> bool:
    """Inside a write: have the engine take the boxes that these jobs hold away soon; return whether there is one."""
    held = [row.job_id for row in HoldRow.select(HoldRow.job_id) if row.job_id in set(job_ids)]
    JobRow.update(held_until=None).where(JobRow.id.in_(held)).execute()
    return bool(HoldRow.update(until=now).where(HoldRow.job_id.in_(held)).execute())


def _goes_on(job: JobRow) -> bool:
    """Whether a person has asked a job to go on in its held box, and it has yet to begin."""
    return job.status not in JOB_FINAL and (job.begin_at or {}).get("base") == HELD


def _record(row: HoldRow, wanted: bool) -> Hold:
    return Hold(
        row.job_id, row.attempt_id, row.number, row.executor, row.box_id, (row.box_number, row.box_attempt_id),
        row.step, row.state, row.memory_bytes, row.touched, row.held_at, row.until, wanted,
    )  # fmt: skip
