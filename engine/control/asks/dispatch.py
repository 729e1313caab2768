"""A person's wish that a workflow runs, as an event for the inbox: in the shape that a forge would have sent."""

import uuid
from collections.abc import Mapping
from typing import Any

from engine.control.own_events import full_name, own_arrival
from engine.control.sources import PERSON
from engine.core.errors import EngineError
from engine.store.inbox import Arrival


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
    return own_arrival(repo_id, delivery, "workflow_dispatch", source, payload)


def text_of(name: str, value: Any) -> str:
    """Return an input as GitHub passes it on: always a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise EngineError(f"The input {name!r} is neither a text nor a number nor a boolean.")
