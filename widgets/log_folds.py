"""The rows of a log: each step a fold with a head of its own, groups nested in it, everything else a line.

A row is a line of the log or the head of a step. Lines in closed folds have no row, nor has the line that ends a group.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from widgets.log_source import LogStep, Mark

DEEPEST = 8  # groups in groups; a log that begins groups and never ends them has a sane shape too
SILENT = ("skipped", "cancelled", "success", "failed", "timed_out")


@dataclass(slots=True, eq=False)
class Fold:
    """Lines from `first` up to `end`. A group's first line is its head. `key` stays the same while a log grows.

    `tail` is 1 if the last line only says that the group ends. `ended`: no line is added any more. `silent`: it is a
    step that never began.
    """

    key: tuple[str, int]
    step: int
    first: int
    end: int
    depth: int = 0
    ended: bool = False
    tail: int = 0
    errors: int = 0
    open: bool = True
    silent: bool = False

    @property
    def is_step(self) -> bool:
        return self.key[0] == "step"

    @property
    def body(self) -> int:
        """How many lines an open fold shows below its head, all folds within it open."""
        return max(0, self.end - self.first - self.tail - (not self.is_step))


class Row(NamedTuple):
    """A line, or with the fold of a step as `head` that step's head. A group's head is its first line."""

    line: int
    depth: int = 0
    head: Fold | None = None

    @property
    def is_step(self) -> bool:
        return self.head is not None and self.head.is_step

    @property
    def place(self) -> tuple[int, int | None]:
        """What says the row again when others come and go."""
        return self.line, self.head.step if self.head is not None and self.head.is_step else None


class Rows(Protocol):
    """Rows by number, and which row a place is on."""

    def __len__(self) -> int: ...

    def row(self, number: int) -> Row: ...

    def number_of(self, line: int, step: int | None = None) -> int:
        """Return the row of a line, or of the step's head there; of what has none, the row nearest to it."""

    def lines(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return which lines from the first up to the last one have rows, as ranges without their ends."""


class FoldedRows:
    """The rows of a log with its folds; both are in the order of its lines."""

    def __init__(self) -> None:
        self.folds: list[Fold] = []
        self.count = 0
        self._starts = [0]
        self._parts: list[tuple[int, int, Fold | None, bool]] = []  # first line, rows, fold around, is the fold's head
        self._by_line: list[int] = []
        self._is_open: Callable[[Fold], bool] = lambda _: True

    def build(self, count: int, marks: Sequence[Mark], steps: Sequence[LogStep], *, ended: bool) -> None:
        """Find the folds of a log of `count` lines."""
        self.count = count
        self.folds = list(found_folds(count, marks, steps, ended=ended))

    def arrange(self, is_open: Callable[[Fold], bool]) -> None:
        """Number the rows, with the folds open that are said to be."""
        self._is_open = is_open
        self._parts, self._starts = [], [0]
        stack: list[Fold] = []
        closed = at = 0
        for fold in self.folds:
            fold.open = is_open(fold)
            while stack and stack[-1].end <= fold.first:
                closed -= not stack[-1].open
                at = self._end(stack.pop(), at, closed)
            if not closed:
                self._add(at, fold.first - at, stack[-1] if stack else None, False)
                self._add(fold.first, 1, fold, True)
                at = fold.first + (not fold.is_step)
            closed += not fold.open
            stack.append(fold)
        while stack:
            closed -= not stack[-1].open
            at = self._end(stack.pop(), at, closed)
        self._add(at, self.count - at, None, False)
        self._by_line = [part[0] for part in self._parts]

    def grow(self, count: int) -> None:
        """Take in lines at the end, where no mark is new: they belong to the folds that have not ended."""
        reaching = [fold for fold in self.folds if not fold.ended]
        trailing = self._parts and self._parts[-1][3] and self._parts[-1][2] not in reaching
        for one in reaching:
            one.end = count
        first, rows, fold, is_head = self._parts[-1] if self._parts else (0, 0, None, True)
        added = count - self.count
        if trailing or not self._parts or added < 0:
            self.count = count
            for silent in reversed(self.folds):
                if not silent.silent:
                    break
                silent.first = silent.end = count
            self.arrange(self._is_open)
        elif not is_head and first + rows == self.count and (fold is None or not fold.ended):
            self._parts[-1] = (first, rows + added, fold, is_head)
            self._starts[-1] += added
            self.count = count
        else:
            self.count = count
            if all(one.open for one in reaching):
                self.arrange(self._is_open)

    def __len__(self) -> int:
        return self._starts[-1]

    def row(self, number: int) -> Row:
        index = bisect_right(self._starts, number) - 1
        first, _, fold, is_head = self._parts[index]
        depth = 0 if fold is None else fold.depth + (not is_head)
        return Row(first + number - self._starts[index], depth, fold if is_head else None)

    def number_of(self, line: int, step: int | None = None) -> int:
        index = bisect_right(self._by_line, line) - 1
        if index < 0:
            return 0
        if step is not None:
            at = index
            while at >= 0 and self._by_line[at] == line:
                fold, is_head = self._parts[at][2:]
                if is_head and fold is not None and fold.key == ("step", step):
                    return self._starts[at]
                at -= 1
        first, rows, _, _ = self._parts[index]
        return self._starts[index] + min(line - first, rows - 1)

    def lines(self, first: int, last: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for begin, rows, fold, is_head in self._parts[max(0, bisect_right(self._by_line, first) - 1) :]:
            if begin > last:
                break
            if is_head and fold is not None and fold.is_step:
                continue
            low, high = max(first, begin), min(last + 1, begin + rows)
            if low < high and found and found[-1][1] == low:
                found[-1] = (found[-1][0], high)
            elif low < high:
                found.append((low, high))
        return found

    def around(self, line: int) -> list[Fold]:
        """Return the folds that a line is in, the outermost first. A group's first line is in it."""
        return [fold for fold in self.folds if fold.first <= line < fold.end]

    def _end(self, fold: Fold, at: int, closed: int) -> int:
        """Add what follows the last fold within `fold`; return the line behind it."""
        if fold.open and not closed:
            self._add(at, fold.end - fold.tail - at, fold, False)
        return max(at, fold.end)

    def _add(self, first: int, rows: int, fold: Fold | None, is_head: bool) -> None:
        if rows > 0:
            self._parts.append((first, rows, fold, is_head))
            self._starts.append(self._starts[-1] + rows)


class ChosenRows:
    """The rows of a log of which only some lines are shown, in the order of their numbers."""

    def __init__(self, lines: Sequence[int]) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    def row(self, number: int) -> Row:
        return Row(self._lines[number])

    def number_of(self, line: int, step: int | None = None) -> int:
        at = bisect_left(self._lines, line)
        return max(0, min(at, len(self._lines) - 1))

    def lines(self, first: int, last: int) -> list[tuple[int, int]]:
        low, high = bisect_left(self._lines, first), bisect_right(self._lines, last)
        return [(line, line + 1) for line in self._lines[low:high]]


def found_folds(count: int, marks: Sequence[Mark], steps: Sequence[LogStep], *, ended: bool) -> Iterator[Fold]:
    """Yield the folds of a log in the order of their heads.

    A step ends where the next one begins, if not before; so does a group with its step. A step that said nothing has
    a head alone, at its place among the others.
    """
    begun = {mark.step for mark in marks if mark.kind == "step_begin"}
    silent = [step.index for step in sorted(steps, key=lambda step: step.index) if step.index not in begun]
    statuses = {step.index: step.status for step in steps}
    silent = [index for index in silent if statuses[index] in SILENT]
    found: list[Fold] = []
    around: list[Fold] = []

    def end(line: int, depth: int) -> None:
        while len(around) > depth:
            fold = around.pop()
            fold.end, fold.ended = max(line, fold.first), True

    for mark in marks:
        line = min(mark.line, count)
        in_step = bool(around and around[0].is_step)
        if mark.kind == "step_begin" and not (in_step and around[0].step == mark.step):
            end(line, 0)
            while silent and silent[0] < mark.step:
                found.append(_silent(silent.pop(0), line))
            around.append(Fold(("step", mark.step), mark.step, line, count))
            found.append(around[0])
        elif mark.kind == "step_end" and in_step and around[0].step == mark.step:
            end(line, 0)
        elif mark.kind == "group_begin":
            end(line, min(len(around), DEEPEST))
            step = around[0].step if in_step else -1
            around.append(Fold(("group", mark.offset), step, line, count, len(around)))
            found.append(around[-1])
        elif mark.kind == "group_end" and len(around) > in_step:
            around[-1].tail = 1
            end(line + 1, len(around) - 1)
        elif mark.kind == "error":
            for fold in around:
                fold.errors += 1
    if ended:
        end(count, 0)
    found += [_silent(index, count) for index in silent]
    yield from found


def _silent(step: int, line: int) -> Fold:
    return Fold(("step", step), step, line, line, ended=True, silent=True)
