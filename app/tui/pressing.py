"""Which keys matter most as a run and the job in view stand: they come first in the bar. Pure."""

from collections.abc import Mapping
from typing import Any

from app.tui.presenters.run import BROKEN
from engine.core.states import JOB_FINAL, RUN_FINAL

Told = Mapping[str, Any]
HELD = ("held.shell", "held.again", "held.next", "held.release")


def on_run(run: Told) -> tuple[str, ...]:
    """Return the ids of the keys for a run, whichever of its jobs."""
    status = run["status"]
    if status == "blocked":
        return ("run.approve", "run.explain", "run.cancel")
    if status not in RUN_FINAL:
        return ("run.cancel",)
    return ("run.retry_failed", "run.explain") if status != "success" else ("run.retry",)


def on_job(run: Told, job: Told | None) -> tuple[str, ...]:
    """Return the ids of the keys for a job of a run."""
    if job is None:
        return on_run(run)
    if job["held_until"] is not None:
        return HELD
    if job["status"] in BROKEN:
        going = () if run["status"] in RUN_FINAL else ("run.cancel",)
        return ("run.retry_failed", *going, "run.explain", "job.compare", "job.bisect")
    if job["status"] == "blocked":
        return ("run.approve", "run.explain", "run.cancel")
    if job["status"] not in JOB_FINAL:
        return ("run.cancel", "run.explain", "held.toggle")
    return on_run(run)
