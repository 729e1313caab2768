"""What a trigger said, before anybody decides anything about it: one shape for every source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """A normalised event. `delivery` is unique per repository: the same one twice is one event.

    `payload` is what `github.event` shows. `changed_files` is None when nobody could tell.
    """

    delivery: str
    name: str
    action: str = ""
    ref: str = ""
    branch: str = ""
    tag: str = ""
    base_branch: str = ""
    sha: str = ""
    message: str = ""
    actor: str = ""
    changed_files: tuple[str, ...] | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
