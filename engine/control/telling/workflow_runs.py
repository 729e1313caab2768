"""Has workflows started that say `on: workflow_run`: what becomes of a run is an event of the inbox. Plans nothing.

Transitions are read by cursor, and the events are accepted in the write that moves it; each bears its run, attempt and
action as its delivery's name, so that it is there once whatever is killed when.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from engine.bus import Bus
from engine.control.default_branches import DefaultBranches
from engine.control.mirrors import Mirrors
from engine.control.own_events import full_name
from engine.control.sources import RUN, is_local
from engine.control.telling.change_reader import ChangeReader
from engine.core.clock import Clock, rfc3339
from engine.core.refs import HEADS
from engine.core.states import result_word
from engine.settings.live import LiveSettings
from engine.store import run_news
from engine.store.inbox import Arrival
from engine.store.run_news import COMPLETED, IN_PROGRESS, RunNews, RunOrigin
from engine.store.store import Store
from pipelines.model import Trigger
from pipelines.triggers import TriggerEvent, fires

CURSOR = "workflow-runs"
EVENT = "workflow_run"
Listens: TypeAlias = tuple[Trigger, ...]
MOST_DEPTH = 3  # as on GitHub: a run, and three that had each other started


class WorkflowRuns(ChangeReader[Arrival]):
    """The first time it begins with what comes from then on."""

    def __init__(self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock, mirrors: Mirrors) -> None:
        super().__init__(CURSOR, "inbox", store, bus, clock, durable=True)
        self._settings = settings
        self._branches = DefaultBranches(store, bus, mirrors)

    def first(self) -> int:
        return self._store.queries.last_sequence()

    def read(self, after: int, upto: int) -> list[Arrival] | None:
        """Return the events that changes of runs are, to workflows as they are now: later ones hear nothing of them."""
        news = run_news.run_news(after, upto)
        repos = {(one.repo, one.repo_id) for one in news}
        heard = {repo_id: self._heard(repo, repo_id) for repo, repo_id in repos}
        return [arrival for one in news for arrival in self._of(one, heard[one.repo_id])] if news else None

    def write(self, said: list[Arrival]) -> None:
        self._store.inbox.accept(said, self._clock.now())

    def _heard(self, name: str, repo_id: int) -> list[Listens] | None:
        """Return what the workflows of a default branch say that hear of runs; None where nobody knows them yet."""
        repo = self._settings.now.repo(name)
        if repo is None:
            return []
        commit = self._branches.commit(repo, repo_id)
        if commit is None:
            return None
        on = (workflow.on for workflow in self._branches.workflows(commit))
        return [triggers for triggers in on if any(trigger.event == EVENT for trigger in triggers)]

    def _of(self, news: RunNews, heard: list[Listens] | None) -> Iterator[Arrival]:
        """Yield the event that a change of a run is, if a workflow may start by it: as `heard` says, else the planner
        sees."""
        origin = None if heard == [] else run_news.origin_of(news)
        if origin is None or is_local(origin.delivery) or origin.depth >= MOST_DEPTH:
            return
        event = TriggerEvent(EVENT, action=news.action, branch=head_branch(origin), workflow=origin.run.workflow_name)
        if heard is None or any(fires(on, event).runs for on in heard):
            yield arrival_of(origin, news)


def arrival_of(origin: RunOrigin, news: RunNews) -> Arrival:
    """Return the event that tells what became of a run."""
    told = {
        "action": news.action,
        "branch": head_branch(origin),
        "workflow": origin.run.workflow_name,
        "depth": origin.depth + 1,
        "host": origin.may_use_host,
        "payload": payload_of(origin, news),
    }
    delivery = f"run|{news.run_id}|{origin.attempt}|{news.action}"
    return Arrival(news.repo_id, delivery, EVENT, RUN, {run_news.FIELD: told})


def head_branch(origin: RunOrigin) -> str | None:
    """Return the branch that a run was of: of a pull request its head's. None for a tag."""
    head = (origin.payload.get("pull_request") or {}).get("head") or {}
    if head.get("ref"):
        return str(head["ref"])
    ref = origin.run.ref
    return ref.removeprefix(HEADS) if ref.startswith(HEADS) else None


def payload_of(origin: RunOrigin, news: RunNews) -> dict[str, Any]:
    """Return `github.event` as GitHub would send it, as far as there is such a thing here."""
    run, pull = origin.run, origin.payload.get("pull_request") or {}
    head = pull.get("head") or {}
    repository = {"full_name": full_name(run.repo), "name": run.repo.rpartition("/")[2]}
    conclusion = None
    if news.action == COMPLETED:
        conclusion = result_word(news.status)
    status = {COMPLETED: "completed", IN_PROGRESS: "in_progress"}.get(news.action, "queued")
    return {
        "action": news.action,
        "workflow": {"name": run.workflow_name, "path": run.workflow_path, "state": "active"},
        "workflow_run": {
            "id": run.id,
            "name": run.workflow_name,
            "display_title": run.title,
            "path": run.workflow_path,
            "event": run.event,
            "status": status,
            "conclusion": conclusion,
            "head_branch": head_branch(origin),
            "head_sha": head.get("sha") or run.sha,
            "head_commit": origin.payload.get("head_commit"),
            "head_repository": head.get("repo") or repository,
            "run_number": run.number,
            "run_attempt": origin.attempt,
            "created_at": rfc3339(run.created_at),
            "updated_at": rfc3339(news.at),
            "run_started_at": rfc3339(run.started_at or run.created_at),
            "actor": {"login": run.actor},
            "triggering_actor": {"login": run.actor},
            "pull_requests": [{"number": pull["number"], "head": head, "base": pull.get("base")}] if pull else [],
            "repository": repository,
        },
        "repository": repository,
        "sender": {"login": run.actor},
    }
