"""Which folds of a log are open: as its reader said, else by the level they chose, else what is worth seeing."""

from collections.abc import Iterable, Sequence

from widgets.log_folds import Fold
from widgets.log_source import LogStep

WORTH_SEEING = ("running", "failed", "timed_out", "cancelled", "lost")


class OpenFolds:
    """Tells of a fold whether it is open; `learn` of the folds and steps first, and whenever they have changed.

    Worth seeing is a step that runs or did not end well, a group that has not ended or has an error in it, and if there
    is no such step the last one that said anything.
    """

    def __init__(self) -> None:
        self.level: int | None = None
        self._said: dict[tuple[str, int], bool] = {}
        self._worth: set[int] = set()

    def learn(self, folds: Sequence[Fold], steps: Iterable[LogStep], *, ended: bool) -> None:
        """Know the steps' statuses. A log that has not ended is watched: its last step is always worth seeing."""
        self._worth = {step.index for step in steps if step.status in WORTH_SEEING}
        said_something = [fold.step for fold in folds if fold.is_step and fold.body]
        if said_something and not (ended and self._worth.intersection(said_something)):
            self._worth.add(said_something[-1])

    def __call__(self, fold: Fold) -> bool:
        if (said := self._said.get(fold.key)) is not None:
            return said
        if self.level is not None:
            return fold.depth < self.level
        return fold.step in self._worth if fold.is_step else not fold.ended or fold.errors > 0

    def say(self, fold: Fold, is_open: bool) -> None:
        self._said[fold.key] = is_open

    def keep(self, folds: Iterable[Fold], keys: set[tuple[str, int]]) -> None:
        """Have folds that were open stay open, though they are no longer worth it: somebody reads them."""
        for fold in folds:
            if fold.key in keys and not self(fold):
                self._said[fold.key] = True

    def change_level(self, change: int, folds: Iterable[Fold]) -> tuple[int, int]:
        """Open or close a level more, whatever was said; return the level now and the deepest one."""
        deepest = max((fold.depth for fold in folds), default=-1) + 1
        self.level = max(0, min((1 if self.level is None else self.level) + change, deepest))
        self._said.clear()
        return self.level, deepest
