"""The graph of a run that calls workflows."""

from datetime import UTC, datetime
from typing import Any

from app.tui.presenters.run import dag_jobs

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def job(ident: int, key: str, *needs: str, caller: int | None = None) -> dict[str, Any]:
    more = {
        "finished_at": None,
        "started_at": None,
        "queued_at": None,
        "next_attempt_at": None,
        "cancel_asked_at": None,
        "held_until": None,
        "patched": False,
    }
    told = {"id": ident, "key": key, "name": key, "status": "pending", "needs": list(needs), "caller": caller}
    return {**told, **more, "matrix": None, "attempts": 0, "created_at": "2030-01-01T00:00:00Z"}


def test_called_jobs_stand_between_their_call_and_what_needs_it() -> None:
    jobs = dag_jobs(
        [
            job(1, "a"),
            job(2, "call", "a"),
            job(3, "call/build", caller=2),
            job(4, "call/deep", "call/build", caller=2),
            job(5, "call/deep/x", caller=4),
            job(6, "z", "call"),
        ],
        NOW,
    )
    assert {one.id: set(one.needs) for one in jobs} == {
        1: set(), 2: {1}, 3: {2}, 4: {3}, 5: {4}, 6: {2, 4, 5},
    }  # fmt: skip
