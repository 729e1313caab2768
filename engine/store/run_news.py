"""What becomes of runs, as `on: workflow_run` tells of it. Nothing here changes a row."""

from datetime import datetime
from typing import Any

from engine.core.records import Run
from engine.core.states import RUN_FINAL, RunStatus
from engine.store import greens
from engine.store.queries import Queries
from engine.store.tables.events import EventRow, RepoRow
from engine.store.tables.runs import RunRow, TransitionRow
from pipelines.records import dataclass

REQUESTED, IN_PROGRESS, COMPLETED = "requested", "in_progress", "completed"
AGAIN = ("retry_asked", "retry_waits")
FIELD = "workflow_run"
"""Under which an event of the inbox tells of a run."""


@dataclass(frozen=True, slots=True)
class RunNews:
    """One thing that became of a run, of the repository `repo`; `status` is what it had come to by itself."""

    sequence: int
    run_id: int
    repo: str
    repo_id: int
    action: str
    status: RunStatus
    at: datetime


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """Where a run came from. `depth` counts the runs before it that started each other, `payload` is its event's.

    `attempt` is the number of the run's attempt that the news is of.
    """

    run: Run
    attempt: int
    delivery: str
    depth: int
    payload: dict[str, Any]
    may_use_host: bool


def run_news(after: int, upto: int) -> list[RunNews]:
    """Return what became of runs with `after` < sequence <= `upto`, oldest first, those of bisections aside."""
    query: Any = (
        TransitionRow.select(
            TransitionRow.sequence, TransitionRow.run_id, TransitionRow.from_status, TransitionRow.to_status,
            TransitionRow.cause, TransitionRow.at, RunRow.repo_id, RepoRow.name.alias("repo"),
        )
        .join(RunRow, on=(RunRow.id == TransitionRow.run_id))
        .join(RepoRow, on=(RepoRow.id == RunRow.repo_id))
        .where((TransitionRow.sequence > after) & (TransitionRow.sequence <= upto) & (TransitionRow.noun == "run"))
        .where(RunRow.bisect_id.is_null())
        .order_by(TransitionRow.sequence)
    )  # fmt: skip
    found = []
    for row in query.namedtuples():
        actions = [REQUESTED] if not row.from_status or row.cause in AGAIN else []
        if row.to_status == RunStatus.RUNNING:
            actions.append(IN_PROGRESS)
        elif row.to_status in RUN_FINAL:
            actions.append(COMPLETED)
        status = RunStatus(row.to_status)
        if status == RunStatus.SUCCESS:
            status = greens.standings([row.run_id]).get(row.run_id, status)
        found += [
            RunNews(row.sequence, row.run_id, row.repo, row.repo_id, action, status, row.at) for action in actions
        ]
    return found


def origin_of(news: RunNews) -> RunOrigin | None:
    """Return where a run came from, None when it is there no more."""
    run = Queries().run(news.run_id)
    row = RunRow.get_or_none(RunRow.id == news.run_id)
    event = None if row is None else EventRow.get_or_none(EventRow.id == row.event_id)
    if run is None or row is None or event is None:
        return None
    depth = event.fields.get(FIELD, {}).get("depth", 0)
    payload = row.contexts.get("github", {}).get("event", {})
    return RunOrigin(run, _attempt(news), event.delivery, depth, payload, bool(row.source.get("host")))


def _attempt(news: RunNews) -> int:
    again = (TransitionRow.run_id == news.run_id) & (TransitionRow.noun == "run") & TransitionRow.cause.in_(AGAIN)
    return 1 + int(TransitionRow.select().where(again & (TransitionRow.sequence <= news.sequence)).count())
