"""The shapes of the API read back as records: the inverse of app/shapes.py, as far as that tells."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.core.records import Attempt, Job, Run, Step
from engine.core.states import AttemptStatus, JobStatus, RunStatus, StepStatus
from engine.store.logs.index import Entry, Mark

Told = Mapping[str, Any]


def run_of(told: Told) -> Run:
    return Run(
        id=told["id"], number=told["number"], repo=told["repo"], workflow_path=told["workflow_path"],
        workflow_name=told["workflow"], title=told["title"], event=told["event"], ref=told["ref"], sha=told["sha"],
        status=RunStatus(told["status"]), priority=told["priority"], attempt=told["attempt"],
        created_at=_at(told["created_at"]), started_at=_maybe(told["started_at"]),
        finished_at=_maybe(told["finished_at"]), reason=told["reason"],
        cancel_asked_at=_maybe(told["cancel_asked_at"]), actor=told["actor"], pinned=told["pinned"],
        bisect_id=told["bisect"], expected_finish_at=_maybe(told["expected_finish_at"]),
        critical=tuple(told["critical"]), held=told["held"], patched=told["patched"],
    )  # fmt: skip


def job_of(told: Told) -> Job:
    return Job(
        id=told["id"], run_id=told["run"], key=told["key"], name=told["name"], status=JobStatus(told["status"]),
        matrix=told["matrix"], job_index=0, job_total=1, needs=tuple(told["needs"]), priority=told["priority"],
        retry_count=told["retry_count"], max_retries=told["max_retries"], attempts=told["attempts"],
        created_at=_at(told["created_at"]), queued_at=_maybe(told["queued_at"]), started_at=_maybe(told["started_at"]),
        finished_at=_maybe(told["finished_at"]), next_attempt_at=_maybe(told["next_attempt_at"]),
        deadline_at=_maybe(told["deadline_at"]), cancel_asked_at=_maybe(told["cancel_asked_at"]),
        outputs=told["outputs"], reason=told["reason"], tolerated=told["tolerated"], parent_id=told["caller"],
        is_call=told["calls"], environment=(told["environment"] or {}).get("name", ""),
        environment_url=(told["environment"] or {}).get("url") or "", approved_by=told["approved_by"] or "",
        debug=told["debug"], hold=told["hold"], held_until=_maybe(told["held_until"]), patched=told["patched"],
        expected_s=told["expected_s"], expected_start_at=_maybe(told["expected_start_at"]),
        expected_finish_at=_maybe(told["expected_finish_at"]), slower=told["slower"],
        attempt_started_at=_maybe(told["attempt_started_at"]),
    )  # fmt: skip


def attempt_of(job_id: int, told: Told) -> Attempt:
    started_at = _at(told["started_at"])
    return Attempt(
        id=told["id"], job_id=job_id, number=told["number"], worker=told["worker"], token="",
        status=AttemptStatus(told["status"]), started_at=started_at, lease_expires_at=started_at,
        finished_at=_maybe(told["finished_at"]), exit_code=told["exit_code"],
        kind=told["kind"], reason=told["reason"], queued_at=_maybe(told["queued_at"]),
        patched=told["patched"], began_at=told["began_at"],
    )  # fmt: skip


def step_of(attempt_id: int, told: Told) -> Step:
    return Step(
        attempt_id=attempt_id, index=told["index"], name=told["name"], status=StepStatus(told["status"]),
        outcome=told["outcome"], conclusion=told["conclusion"], exit_code=told["exit_code"],
        started_at=_maybe(told["started_at"]), finished_at=_maybe(told["finished_at"]),
    )  # fmt: skip


def entry_of(told: Told) -> Entry:
    return Entry(Mark[told["mark"].upper()], told["step"], told["start"], told["end"], _at(told["at"]))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
