"""The boxes that are held, as JSON: what the API and `treadle hold` tell of them."""

from typing import Any

from engine.core.clock import rfc3339
from engine.store.mending.holds import Hold
from engine.store.store import Store


def holds_view(store: Store) -> dict[str, Any]:
    """Return every held box with its job and its run, the oldest first."""
    return {"holds": [told for hold in store.holds.all() if (told := _hold(store, hold)) is not None]}


def _hold(store: Store, hold: Hold) -> dict[str, Any] | None:
    job = store.queries.job(hold.job_id)
    run = store.queries.run(job.run_id) if job is not None else None
    if job is None or run is None or job.held_until is None:
        return None  # it is being taken away
    return {
        "job": job.id,
        "name": job.name,
        "status": str(job.status),
        "run": run.id,
        "number": run.number,
        "repo": run.repo,
        "workflow": run.workflow_name,
        "attempt": hold.number,
        "step": hold.step,
        "executor": hold.executor,
        "memory_bytes": hold.memory_bytes,
        "touched": hold.touched,
        "held_at": rfc3339(hold.held_at),
        "until": rfc3339(hold.until),
    }
