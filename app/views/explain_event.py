"""Why an event started what it did: the filter that decided for each workflow, and the files that it looked at."""

from collections.abc import Sequence

from app.shapes import instant
from app.views.explain_plan import Told
from engine.control.inbox.changed_files import ChangedFiles
from engine.control.inbox.occasions import read_occasion
from engine.control.inbox.places import Gone, NotHere, Places
from engine.control.mirrors import Mirrors
from engine.core.clock import rfc3339
from engine.core.errors import GitError
from engine.core.records import Run
from engine.forges.errors import DeliveryError
from engine.settings.model import Settings
from engine.store.inbox import RECEIVED, InboxEvent
from engine.store.store import Store


def forge_of(event: InboxEvent) -> str | None:
    """Return the forge that a delivery came from, None for what no forge told of."""
    kept = event.fields.get("event")
    return str(kept["forge"]) if isinstance(kept, dict) and kept.get("forge") else None


def changed_files(store: Store, settings: Settings, event: InboxEvent) -> tuple[tuple[str, ...] | None, list[str]]:
    """Return the files that an event changed, as its filters saw them, and what of that cannot be known.

    What Git does not have here any more is told as the forge listed it; nothing is fetched.
    """
    if "event" not in event.fields:
        return None, []
    mirrors = Mirrors(store.home)
    try:
        occasion = read_occasion(event, mirrors.default_branch(store, event.repo_id))
    except DeliveryError as error:
        return None, [f"what it says: this version does not read it ({error})"]
    said = occasion.event
    if said is None or said.starts_nothing:
        return None, []
    repo = settings.repo(event.repo)
    if repo is not None:
        try:
            places = Places(store).of(event.repo_id, occasion, mirrors.of(repo), fetched=False)
            if (files := ChangedFiles(occasion, places[0]).files) is not None:
                return files, []
        except (NotHere, Gone, GitError):
            pass  # what the forge listed is all there is
    if said.changed_files is not None and not said.files_complete:
        return said.changed_files, ["whether these are all the files that changed: the forge cuts its list short"]
    return said.changed_files, []


def judged(event: InboxEvent, runs: Sequence[Run]) -> list[Told]:
    """Return, for each workflow that was held against an event, the filter that decided and the runs that it made."""
    started = [
        {"id": run.id, "number": run.number, "status": str(run.status), "path": run.workflow_path} for run in runs
    ]
    return [
        {"path": path, "reason": reason, "runs": [one for one in started if one["path"] == path]}
        for path, reason in event.verdicts.items()
    ]


def waits_event(store: Store, event: InboxEvent) -> Told | None:
    """Return why an event is not planned yet: {`reason`, `since`, `until`, `tries`}; None when it is."""
    if event.status != RECEIVED:
        return None
    room = store.disk.look()
    if room.short:
        reason = f"the disk is nearly full: {room.free}"
    elif event.problem:
        reason = event.problem
    else:
        reason = "is planned as soon as those of its repository are that came before it"
    return {
        "reason": reason,
        "since": rfc3339(event.received_at),
        "until": instant(event.next_try_at),
        "tries": event.tries,
    }
