"""Where an attempt begins, if not at its first step on an empty workspace. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

from pipelines.records import dataclass

HELD = "held"
CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Beginning:
    """A wish while it stands in `JobRow.begin_at`, a fact in `AttemptRow.began_at`.

    `base` is what it goes on from: HELD (the box that a failed attempt left) or CHECKPOINT. `step` is the place, among
    all steps that are shown, of the first one to run; with `skip` that one counts as passed and the next is the first.
    `attempt` is the number of the earlier attempt whose steps before it are kept.
    """

    base: str
    step: int
    attempt: int
    skip: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)
