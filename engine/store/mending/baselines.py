"""What an attempt is held against, when nobody says what: what its job looked like when all was well. Read-only."""

from engine.core.records import Job
from engine.core.refs import HEADS
from engine.store.cursors import Cursors
from engine.store.greens import Green, latest_green
from engine.store.tables.runs import RunRow


def baseline(job: Job, cursors: Cursors) -> tuple[Green, str] | None:
    """Return the job of the same name in the latest ordinary green run of its workflow, and in words which that is.

    On the same branch if there is one, else on the default branch, else on any. A green run's own job is held against
    the run before it.
    """
    run = RunRow.get_by_id(job.run_id)
    default = cursors.get(f"default-branch:{run.repo_id}")
    places: dict[str | None, str] = {run.ref: "the last green run on the same branch"}
    if default:
        places.setdefault(f"{HEADS}{default}", "the last green run on the default branch")
    places[None] = "the last green run on any branch"
    for ref, words in places.items():
        found = latest_green(run.repo_id, run.workflow_path, job.name, ref=ref)
        if found is not None and found.run_id == run.id:
            found = latest_green(run.repo_id, run.workflow_path, job.name, ref=ref, before=run.id)
        if found is not None:
            return found, words
    return None
