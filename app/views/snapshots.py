"""How snapshots are told: by the API and by a home without an engine alike."""

from dataclasses import asdict
from typing import Any

from engine.core.clock import rfc3339
from engine.store.copies.diff import difference
from engine.store.copies.restore import Restored
from engine.store.copies.snapshots import Snapshot, Snapshots


def snapshot_shape(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot.id,
        "kind": snapshot.kind,
        "created_at": rfc3339(snapshot.created_at),
        "runs": snapshot.runs,
        "jobs": snapshot.jobs,
        "artifacts": snapshot.artifacts,
        "files": snapshot.files,
        "size_bytes": snapshot.size_bytes,
        "new_bytes": snapshot.new_bytes,
        "incomplete": list(snapshot.incomplete),
    }


def snapshots_view(snapshots: Snapshots) -> dict[str, Any]:
    """`snapshots`: every one, the newest first; `damaged`: [{`id`, `problem`}], those whose records cannot be used."""
    return {
        "snapshots": [snapshot_shape(one) for one in snapshots.list()],
        "damaged": [asdict(one) for one in snapshots.damaged()],
    }


def remove_view(snapshots: Snapshots, name: str) -> list[dict[str, Any]]:
    """Remove a snapshot; return it. One that is damaged is told by its id and its problem. Raises SnapshotError."""
    one = snapshots.removable(name)
    snapshots.remove(one)
    return [snapshot_shape(one) if isinstance(one, Snapshot) else asdict(one)]


def difference_view(snapshots: Snapshots, a: str, b: str) -> dict[str, Any]:
    """What changed from snapshot `a` to `b`. Raises EngineError when one of them is not there, or is damaged."""
    old, new = snapshots.get(a), snapshots.get(b)
    found = difference(snapshots, old, new)
    changes = [
        {"what": one.what, "change": one.verb, "name": one.name, "before": one.before, "after": one.after}
        for one in found.changes
    ]
    return {"a": snapshot_shape(old), "b": snapshot_shape(new), "counts": found.counts, "changes": changes}


def restored_shape(restored: Restored) -> dict[str, Any]:
    return {
        "home": str(restored.home),
        "runs": restored.runs,
        "lost_attempts": restored.lost,
        "dropped_letters": restored.letters,
        "files": restored.files,
        "contents": restored.contents,
        "key": restored.with_key,
        "paused": True,
    }
