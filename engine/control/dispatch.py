"""A person's wish that a workflow runs, as an event for the inbox: in the shape that a forge would have sent."""

import uuid
from collections.abc import Mapping
from typing import Any

from engine.core.errors import EngineError
from engine.store.inbox import Arrival

PERSON = "person"  # somebody at this machine
API = "api"  # somebody with a token, over the network: as far from this machine as a forge is
LOCAL = "local"  # the owner, where a repository's name tells none


def dispatch_arrival(
    repo_id: int,
    repo: str,
    workflow: str,
    ref: str | None,
    inputs: Mapping[str, Any],
    actor: str,
    source: str = PERSON,
) -> Arrival:
    """Return the event that asks for `workflow` (its path, file name or name) at `ref`, None: the default branch.

    Raises EngineError for inputs that are no texts, numbers or booleans.
    """
    delivery = f"dispatch-{uuid.uuid4()}"
    payload: dict[str, Any] = {
        "workflow": workflow,
        "inputs": {name: text_of(name, value) for name, value in inputs.items()},
        "repository": {"full_name": full_name(repo)},
        "sender": {"login": actor},
    }
    if ref:
        payload["ref"] = ref
    event = {"forge": "github", "event": "workflow_dispatch", "delivery_id": delivery, "payload": payload}
    return Arrival(repo_id, delivery, "workflow_dispatch", source, {"event": event, "signature": "unchecked"})


def full_name(repo: str) -> str:
    """Return a repository's name as a forge would write it in a payload: with its owner."""
    return repo if "/" in repo else f"{LOCAL}/{repo}"


def text_of(name: str, value: Any) -> str:
    """Return an input as GitHub passes it on: always a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise EngineError(f"The input {name!r} is neither a text nor a number nor a boolean.")
