"""Which held boxes have to go for all of them to use no more memory than they may. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar


class Held(Protocol):
    @property
    def job_id(self) -> int: ...


H = TypeVar("H", bound=Held)


def over_budget(held: Sequence[H], used_bytes: Mapping[int, int], budget_bytes: int) -> Iterator[H]:
    """Yield what has to go, of boxes the oldest first, by what each uses. One alone that uses more goes as well."""
    total = sum(used_bytes[hold.job_id] for hold in held)
    for hold in held:
        if total <= budget_bytes:
            return
        total -= used_bytes[hold.job_id]
        yield hold
