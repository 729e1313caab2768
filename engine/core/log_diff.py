"""Two logs compared line by line as they are normal, shown as they were. Pure; who finds the differences is given.

What changed its place alone is no change: it is marked as moved, once, where it stands now.
"""

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from engine.core.log_normal import normal
from pipelines.records import dataclass

SAME, GONE, NEW, MOVED = "same", "gone", "new", "moved"
CONTEXT = 3
MOST_LINES = 5_000  # that differ and are shown
MOST_MOVES = 200_000  # lines that differ; of more nobody looks which only moved
LINE_BYTES = 4_096
_END = re.compile(rb"\n")


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines of the old text, from `old` (counted from 0), that became lines of the new one; either may be none."""

    old: int
    old_count: int
    new: int
    new_count: int


@dataclass(frozen=True, slots=True)
class Row:
    """A line that is shown. `old` and `new` are its numbers in either text, from 1; `offset` is where the new one's
    bytes begin, of one that is gone those of what follows it."""

    kind: str
    old: int | None
    new: int | None
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Lines that are alike and not shown: how many, and which bytes of the new text they are."""

    count: int
    old: int
    new: int
    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is shown, and of all that differs, shown or not: how many lines are new, gone and moved.

    `first` is the row to begin at: the first new line, else the first that is gone. `left_out` counts lines that
    differ and are not shown, for there are too many.
    """

    rows: tuple[Row | Fold, ...]
    new: int
    gone: int
    moved: int
    first: int | None
    left_out: int = 0


class Lines:
    """A text whose lines can be had by number."""

    def __init__(self, data: bytes) -> None:
        self.data = data if not data or data.endswith(b"\n") else data + b"\n"
        self._starts = array("Q", [0])
        self._starts.extend(found.end() for found in _END.finditer(self.data))

    @property
    def count(self) -> int:
        return len(self._starts) - 1

    def offset(self, number: int) -> int:
        """Return where line `number` (from 0) begins; of the one behind the last, the end."""
        return self._starts[min(max(number, 0), self.count)]

    def slice(self, start: int, count: int) -> list[bytes]:
        """Return lines, without their ends."""
        return self.raw(start, count).split(b"\n")[:-1]

    def raw(self, start: int, count: int) -> bytes:
        """Return lines, with their ends."""
        return self.data[self.offset(start) : self.offset(start + max(count, 0))]


def compare(
    old: bytes,
    new: bytes,
    hunks: Callable[[bytes, bytes], Sequence[Hunk]],
    *,
    context: int = CONTEXT,
    old_is_cut: bool = False,
    new_is_cut: bool = False,
) -> Comparison:
    """Compare two texts of whole lines; `hunks` finds where two texts differ.

    A text that is cut begins somewhere in the midst: what stands in one of them before the first line that both have
    says nothing.
    """
    before, after = Lines(old), Lines(new)
    found = _differences(before.data, after.data, hunks)
    if (old_is_cut or new_is_cut) and found and found[0].old == 0 and found[0].new == 0:
        head = found.pop(0)
        start_old, start_new = head.old_count, head.new_count
    else:
        start_old = start_new = 0
    kinds = _Kinds(before, after, found)
    return _Painter(before, after, kinds, context).paint(start_old, start_new)


def _differences(old: bytes, new: bytes, hunks: Callable[[bytes, bytes], Sequence[Hunk]]) -> list[Hunk]:
    """Return where the texts differ as they are normal. What both begin and end with is not looked at closer."""
    head = _common_head(old, new)
    tail = _common_tail(old, new, head)
    lines = old.count(b"\n", 0, head)
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    return [
        Hunk(one.old + lines, one.old_count, one.new + lines, one.new_count)
        for one in hunks(normal(middle_old), normal(middle_new))
    ]


def _common_head(old: bytes, new: bytes) -> int:
    """Return how many bytes of whole lines both texts begin with."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return old.rfind(b"\n", 0, low) + 1


def _common_tail(old: bytes, new: bytes, head: int) -> int:
    """Return how many bytes of whole lines both texts end with, behind the `head` that they begin with."""
    low, high = 0, min(len(old), len(new)) - head
    while low < high:
        middle = (low + high + 1) // 2
        if old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]:
            low = middle
        else:
            high = middle - 1
    start = old.find(b"\n", len(old) - low)  # the first line of it may be half of one
    begins = len(old) - low == head or old[len(old) - low - 1 : len(old) - low] == b"\n"
    if low and begins and (len(new) - low == head or new[len(new) - low - 1 : len(new) - low] == b"\n"):
        return low
    return 0 if start < 0 else len(old) - start - 1


@dataclass(frozen=True, slots=True)
class _Change:
    """A hunk with what became of its lines: of the old ones which are gone, of the new ones which only moved."""

    hunk: Hunk
    gone: frozenset[int]
    moved: frozenset[int]


class _Kinds:
    """Every place where the texts differ, with what only moved told apart."""

    def __init__(self, old: Lines, new: Lines, hunks: Sequence[Hunk]) -> None:
        there, here = sum(one.old_count for one in hunks), sum(one.new_count for one in hunks)
        olds, news = list[bytes](), list[bytes]()
        if there and here and there + here <= MOST_MOVES:
            olds = _normal_lines(old.raw(one.old, one.old_count) for one in hunks)
            news = _normal_lines(new.raw(one.new, one.new_count) for one in hunks)
        counts = Counter(olds) & Counter(news)
        moved, stayed = _taken(news, counts.copy()), _taken(olds, counts)
        self.moved = len(moved)
        self.new, self.gone = here - self.moved, there - self.moved
        self.changes: list[_Change] = []
        old_at = new_at = 0
        for one in hunks:
            gone = frozenset(n for n in range(one.old_count) if old_at + n not in stayed)
            self.changes.append(_Change(one, gone, frozenset(n for n in range(one.new_count) if new_at + n in moved)))
            old_at, new_at = old_at + one.old_count, new_at + one.new_count


def _normal_lines(parts: Iterable[bytes]) -> list[bytes]:
    return normal(b"".join(parts)).split(b"\n")[:-1]


def _taken(lines: Sequence[bytes], left: Counter[bytes]) -> set[int]:
    """Return the places of the lines that `left` counts, the first ones of each."""
    found = set()
    for place, line in enumerate(lines):
        if left[line] > 0:
            left[line] -= 1
            found.add(place)
    return found


class _Painter:
    def __init__(self, old: Lines, new: Lines, kinds: _Kinds, context: int) -> None:
        self._old, self._new, self._kinds, self._context = old, new, kinds, context
        self._rows: list[Row | Fold] = []
        self._shown = 0

    def paint(self, old_at: int, new_at: int) -> Comparison:
        """Return the whole, from the first lines on that both have."""
        begun = cut_short = False
        for one in self._kinds.changes:
            if self._shown >= MOST_LINES:
                cut_short = True
                break
            shows = bool(one.gone or one.hunk.new_count)  # else all of it is shown elsewhere, as moved
            self._alike(old_at, new_at, one.hunk.new - new_at, begun, shows)
            self._differ(one)
            old_at, new_at = one.hunk.old + one.hunk.old_count, one.hunk.new + one.hunk.new_count
            begun = shows
        if not cut_short:
            self._alike(old_at, new_at, self._new.count - new_at, begun, False)
        kinds = self._kinds
        return Comparison(
            tuple(self._rows), kinds.new, kinds.gone, kinds.moved, self._first(),
            kinds.new + kinds.gone + kinds.moved - self._shown,
        )  # fmt: skip

    def _first(self) -> int | None:
        for kind in (NEW, GONE):
            for number, row in enumerate(self._rows):
                if isinstance(row, Row) and row.kind == kind:
                    return number
        return None

    def _alike(self, old: int, new: int, count: int, before: bool, behind: bool) -> None:
        """Show lines that are alike: those next to what differs (before them, behind them), the others folded."""
        head = min(count, self._context if before else 0)
        tail = min(count - head, self._context if behind else 0)
        folded = count - head - tail
        if folded <= 1:  # a fold of one line would take as much room
            head, tail, folded = count, 0, 0
        self._same(old, new, head)
        if folded:
            start, end = new + head, new + head + folded
            self._fold(Fold(folded, old + head + 1, start + 1, self._new.offset(start), self._new.offset(end)))
        self._same(old + head + folded, new + head + folded, tail)

    def _fold(self, fold: Fold) -> None:
        if self._rows and isinstance(last := self._rows[-1], Fold):
            fold = Fold(last.count + fold.count, last.old, last.new, last.offset, fold.end)
            self._rows.pop()
        self._rows.append(fold)

    def _same(self, old: int, new: int, count: int) -> None:
        for number, (text, offset) in enumerate(_placed(self._new, new, count)):
            self._rows.append(Row(SAME, old + number + 1, new + number + 1, offset, text))

    def _differ(self, change: _Change) -> None:
        hunk = change.hunk
        room = MOST_LINES - self._shown
        here = self._new.offset(hunk.new)
        for number, (text, _) in enumerate(_placed(self._old, hunk.old, hunk.old_count)):
            if number in change.gone and room > 0:
                self._rows.append(Row(GONE, hunk.old + number + 1, None, here, text))
                room -= 1
        for number, (text, offset) in enumerate(_placed(self._new, hunk.new, min(hunk.new_count, max(0, room)))):
            kind = MOVED if number in change.moved else NEW
            self._rows.append(Row(kind, None, hunk.new + number + 1, offset, text))
            room -= 1
        self._shown = MOST_LINES - room


def _placed(lines: Lines, start: int, count: int) -> Iterator[tuple[str, int]]:
    """Yield lines as they were, and where each begins; of one that is very long the beginning."""
    at = lines.offset(start)
    for line in lines.slice(start, count):
        more = len(line) - LINE_BYTES
        text = line[:LINE_BYTES].decode("utf-8", "replace")
        yield (f"{text} [{more} bytes more]" if more > 0 else text), at
        at += len(line) + 1
