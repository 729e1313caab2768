"""The events of the inbox as JSON: what came, what it is about, and what became of it."""

from typing import Any

from app.shapes import event_shape, run_shape
from engine.control.inbox.occasions import read_occasion
from engine.forges.errors import DeliveryError
from engine.store.inbox import InboxEvent
from engine.store.store import Store

PAGE, MOST = 50, 500


def events_view(
    store: Store, repo: str | None = None, status: str | None = None, before: int | None = None, limit: int = PAGE
) -> dict[str, Any]:
    """Return `inbox`: events, newest first. Beside what came and what became of it (`status` received, planned or
    dropped; `verdicts` by workflow; `problem`) each has `about` {`ref`, `sha`, `actor`, `title`, `action`}, null where
    it does not tell, and `runs` [{`id`, `number`, `workflow`, `status`}]."""
    events = store.inbox.list(repo, before, min(limit, MOST), status)
    runs: dict[int, list[dict[str, Any]]] = {}
    for event_id, run in store.queries.runs_of_events([event.id for event in events]):
        told = {"id": run.id, "number": run.number, "workflow": run.workflow_name, "status": str(run.status)}
        runs.setdefault(event_id, []).append(told)
    return {"inbox": [event_shape(one) | {"about": about(one), "runs": runs.get(one.id, [])} for one in events]}


def event_view(store: Store, event_id: int) -> dict[str, Any] | None:
    """Return an event with `about`, whole `runs`, and `fields`: what came. None: there is none."""
    event = store.inbox.get(event_id)
    if event is None:
        return None
    runs = [run_shape(run) for run in store.queries.runs(event=event.id)]
    return event_shape(event) | {"about": about(event), "runs": runs, "fields": event.fields}


def about(event: InboxEvent) -> dict[str, str | None]:
    """Return what is known of an event; of one that `treadle run` recorded, what that said."""
    told: dict[str, str | None] = dict.fromkeys(("ref", "sha", "actor", "title", "action"))
    if "event" in event.fields:
        try:
            occasion = read_occasion(event, None)
        except DeliveryError:
            return told  # this version reads it no more
        said = occasion.event
        assert said is not None
        title = said.title or (said.message or "").partition("\n")[0]
        ref = said.head_ref if said.pr_number is not None else said.ref
        return {"ref": ref, "sha": said.head_sha or said.sha, "actor": occasion.actor, "title": title or None,
                "action": said.action}  # fmt: skip
    if "schedule" in event.fields:
        return told | {"actor": "schedule", "title": str(event.fields["schedule"]["cron"])}
    return told | {name: event.fields.get(name) for name in ("ref", "sha", "actor")}
