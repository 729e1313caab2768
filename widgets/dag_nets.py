"""Which lines run between two neighbouring columns, and which of them must stand left of which.

A *net* is a bus from some items to some items, with an edge from each to each, so that a bus never shows an edge that
is not there. A line leaves its source to the right, bends up or down on the net's track, and enters its target from
the left. A source and a target may stand on the same row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from widgets.dag_layers import Layered


@dataclass(frozen=True, slots=True)
class Net:
    """Every source has an edge to every target. `track` counts from the left; None leads straight on."""

    sources: tuple[int, ...]
    targets: tuple[int, ...]
    track: int | None = None


def covering(graph: Layered, column: Iterable[int], row: Sequence[int]) -> list[Net]:
    """Return few nets that together have exactly the edges from these items to the next column."""
    return [net for group in _groups(graph, column) for net in _cover(graph, group, row)]


def _groups(graph: Layered, column: Iterable[int]) -> list[list[int]]:
    """Return the sources of a gap in groups that share targets, directly or not."""
    groups: list[list[int]] = []
    seen: set[int] = set()
    for first in column:
        if first in seen or not graph.after[first]:
            continue
        seen.add(first)
        group = [first]
        for source in group:  # grows while it is walked
            for target in graph.after[source]:
                if target not in seen:
                    seen.add(target)
                    fresh = [other for other in graph.before[target] if other not in seen]
                    seen.update(fresh)
                    group += fresh
        groups.append(group)
    return groups


def _cover(graph: Layered, sources: Sequence[int], row: Sequence[int]) -> list[Net]:
    """Return the fewer of one net for all sources with the same targets, or one for all targets with the same
    sources; when equal, those that ask for fewer steps.
    """
    by_targets: dict[tuple[int, ...], list[int]] = {}
    for source in sources:
        by_targets.setdefault(graph.after[source], []).append(source)
    first = [Net(tuple(group), targets) for targets, group in by_targets.items()]
    if len(first) == 1:
        return first
    by_sources: dict[tuple[int, ...], list[int]] = {}
    for target in dict.fromkeys(target for targets in by_targets for target in targets):
        by_sources.setdefault(graph.before[target], []).append(target)
    second = [Net(group, tuple(targets)) for group, targets in by_sources.items()]
    if len(first) != len(second):
        return min(first, second, key=len)
    return min(first, second, key=lambda nets: len(Rules(graph, nets, row).steps))


class Rules:
    """What must stand left of what, by index of net, and the rows where no order helps.

    `must[net]` are those that must be left of it, each with the row that is the reason: two lines would run into one,
    or an edge would show that is not there. `should` reads better. On the rows `steps` a line that leads straight on
    would seem to branch to where it does not: its two ends must not share a row.
    """

    def __init__(self, graph: Layered, nets: Sequence[Net], row: Sequence[int]) -> None:
        self.must: list[dict[int, int]] = [{} for _ in nets]
        self.should: list[set[int]] = [set() for _ in nets]
        self.steps: set[int] = set()
        self._graph, self._nets, self._row = graph, nets, row
        leaving: dict[int, list[int]] = {}
        entering: dict[int, list[int]] = {}
        for number, net in enumerate(nets):
            for item in net.sources:
                leaving.setdefault(item, []).append(number)
            for item in net.targets:
                entering.setdefault(item, []).append(number)
        for together in (*leaving.values(), *entering.values()):
            if len(together) > 1:
                self._meet(together)
        target_on = {row[target]: target for target in entering}
        for source, mine in leaving.items():
            target = target_on.get(row[source])
            if target is not None:
                self._share_row(source, mine, target, entering[target])

    def _meet(self, together: Sequence[int]) -> None:
        """Of nets on one row, the one with fewer sources branches off first, the one with more targets joins first.

        Then a line that is followed from left to right seems to lead nowhere else.
        """
        for left in together:
            for right in together:
                one, two = self._nets[left], self._nets[right]
                if set(one.sources) < set(two.sources) or set(one.targets) > set(two.targets):
                    self.should[right].add(left)

    def _share_row(self, source: int, leaving: Sequence[int], target: int, entering: Sequence[int]) -> None:
        """What leaves the source ends left of where what enters its neighbour begins.

        With an edge between the two the line is one: then others may touch it only if that edge is theirs as well.
        """
        row = self._row[source]
        own = next((number for number in leaving if number in entering), None)
        for left in leaving:
            for right in entering:
                if left != right and (own is None or own in (left, right)):
                    self.must[right][left] = row
        if own is not None and not (
            all(set(self._nets[other].sources) <= set(self._graph.before[target]) for other in leaving)
            and all(set(self._nets[other].targets) <= set(self._graph.after[source]) for other in entering)
        ):
            self.steps.add(row)
