"""Events that no forge sent, in the shape that GitHub would have sent them in. Accepts none of them itself."""

from collections.abc import Mapping
from typing import Any

from engine.core.refs import NO_SHA
from engine.store.inbox import Arrival

OWNER = "local"  # where a repository's name tells none


def own_arrival(
    repo_id: int, delivery: str, event: str, source: str, payload: Mapping[str, Any], **beside: Any
) -> Arrival:
    """Return an event for the inbox, as if a forge had sent its payload; `beside` are further fields of it."""
    told = {"forge": "github", "event": event, "delivery_id": delivery, "payload": payload}
    return Arrival(repo_id, delivery, event, source, {"event": told, "signature": "unchecked", **beside})


def push_payload(repo: str, ref: str, before: str | None, after: str, default_branch: str | None) -> dict[str, object]:
    """Return the payload of a push, as far as refs can tell; planning adds the commit."""
    repository = {"full_name": full_name(repo), **({"default_branch": default_branch} if default_branch else {})}
    told = {"ref": ref, "before": before or NO_SHA, "after": after, "created": before is None, "deleted": False}
    return {**told, "repository": repository}


def full_name(repo: str) -> str:
    """Return a repository's name as a forge would write it in a payload: with its owner."""
    return repo if "/" in repo else f"{OWNER}/{repo}"
