"""What a forge's delivery is in GitHub's terms: the step between a payload and its facts."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A payload with GitHub's fields (`tree`, the forge's own beside them), and what has no place in it.

    `name` is the event as workflows call it, `action` the forge's own word, `actions_type` and `types` as in
    ForgeEvent; `told` are further fields of a ForgeEvent that only this forge tells.
    """

    name: str | None
    tree: Mapping[str, Any]
    action: str | None = None
    actions_type: str | None = None
    types: tuple[str, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
