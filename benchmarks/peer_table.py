"""The table of the comparison: a column a tool, a line as soon as it is known, and a note for each cell that failed."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from benchmarks.peer_tools import Tool
from benchmarks.place import Ended, bare

LABEL, CELL = 29, 16
LONGEST = 300  # characters of what a tool said
BARES = 2  # so many bare containers between two turns
NO_SERVER = "-"


@dataclass(frozen=True, slots=True)
class Turn:
    """A measure, and the mean of the bare containers started just before and just after it, in seconds."""

    ended: Ended
    bare_s: float

    @property
    def ratio(self) -> float:
        return self.ended.seconds / self.bare_s


@dataclass(slots=True)
class Table:
    """What is printed to stdout. `absent` says of a tool why nothing of it is measured at all."""

    names: Sequence[str]
    absent: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def head(self) -> None:
        self._print("", {name: name for name in self.names})

    def line(self, label: str, cells: Mapping[str, str]) -> None:
        """Print a line; of a tool that is absent, that."""
        self._print(label, {name: self.absent.get(name) or cells.get(name, NO_SERVER) for name in self.names})

    def failed(self, name: str, what: str, error: Exception) -> str:
        """Return a cell for a tool that failed, and keep why for the end."""
        words = " ".join(str(error).split()) or type(error).__name__
        return f"failed {self.note(f'{name}, {what}: {words[:LONGEST]}')}"

    def note(self, text: str) -> str:
        """Keep a note for the end; return its mark."""
        self.notes.append(text)
        return f"[{len(self.notes)}]"

    def foot(self) -> None:
        for number, note in enumerate(self.notes, 1):
            print(f"[{number}] {note}")

    def _print(self, label: str, cells: Mapping[str, str]) -> None:
        print(f"{label:{LABEL}}" + "".join(f"{cells[name]:>{CELL}}" for name in self.names), flush=True)

    def turns(
        self, tools: Mapping[str, Tool], count: int, what: str, measure: Callable[[Tool], Ended]
    ) -> tuple[dict[str, list[Turn]], dict[str, str]]:
        """Take a measure of each tool `count` times, in turns of random order; return the turns, and cells of failures.

        A tool that fails is not asked again.
        """
        seen: dict[str, list[Turn]] = {name: [] for name in tools}
        failures: dict[str, str] = {}
        before = _bare_s()
        for _ in range(count):
            for name in random.sample(list(tools), len(tools)):
                if name in failures:
                    continue
                try:
                    ended = measure(tools[name])
                except Exception as error:  # whatever ails a tool is told in its cell, and ends no other's turns
                    failures[name] = self.failed(name, what, error)
                after = _bare_s()
                if name not in failures:
                    seen[name].append(Turn(ended, mean((before, after))))
                before = after
        return {name: values for name, values in seen.items() if name not in failures}, failures


def _bare_s() -> float:
    return mean(bare("true") for _ in range(BARES))


def ratio(turns: Iterable[Turn]) -> str:
    value = median(turn.ratio for turn in turns)
    return f"{value:.{1 if value >= 10 else 2}f}x"


def at(values: Iterable[float], share: float) -> float:
    """Return the value that so large a share of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
