"""How lines run between two neighbouring columns: few buses, each on a track of its own where others would touch it.

A *net* is a bus from some items to some items, with an edge from each to each, so that a bus never shows an edge that
is not there. A line leaves an item to the right, bends up or down on its net's track, and enters its target from
the left. The rows of a source and a target that have nothing to do with each other may be the same; then the
source's lines must end left of where the target's begin. Where that makes a circle, or where a line that leads
straight on would seem to branch, a *step* moves everything on the right down by one row.
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


@dataclass(frozen=True, slots=True)
class Gap:
    """The nets between two columns, and how many tracks they take."""

    nets: tuple[Net, ...]
    tracks: int


def route(graph: Layered, columns: Sequence[Sequence[int]], row: list[int]) -> list[Gap]:
    """Return the gaps from left to right. May add rows: `row` is changed in place, never the order within it."""
    layer = {item: place for place, column in enumerate(columns) for item in column}
    gaps = []
    for place, column in enumerate(columns[:-1]):
        groups = _components(graph, column)
        while True:
            nets = [net for group in groups for net in _cover(graph, group, row)]
            found = _placed(graph, nets, row)
            if isinstance(found, Gap):
                break
            _step(row, layer, place, found)
        gaps.append(found)
    return gaps


def _components(graph: Layered, column: Iterable[int]) -> list[list[int]]:
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
    """Return nets that together have exactly the edges of these sources: the fewer of one for all sources with the
    same targets, or one for all targets with the same sources; when equal, those with fewer touching lines.
    """
    by_targets: dict[tuple[int, ...], list[int]] = {}
    for source in sources:
        by_targets.setdefault(graph.after[source], []).append(source)
    if len(by_targets) == 1:
        return [Net(tuple(group), targets) for targets, group in by_targets.items()]
    by_sources: dict[tuple[int, ...], list[int]] = {}
    for target in dict.fromkeys(target for source in sources for target in graph.after[source]):
        by_sources.setdefault(graph.before[target], []).append(target)
    first = [Net(tuple(group), targets) for targets, group in by_targets.items()]
    second = [Net(group, tuple(targets)) for group, targets in by_sources.items()]
    if len(first) != len(second):
        return min(first, second, key=len)
    return min(first, second, key=lambda nets: len(_Rules(graph, nets, row).steps))


class _Rules:
    """What must stand left of what, by index of net; and rows where no order helps.

    `must` would else show an edge that is not there, or run two lines into one. `should` reads better.
    """

    def __init__(self, graph: Layered, nets: Sequence[Net], row: Sequence[int]) -> None:
        self.must: list[dict[int, int]] = [{} for _ in nets]  # for each net: which must be left of it, by what row
        self.should: list[set[int]] = [set() for _ in nets]
        self.steps: set[int] = set()
        leaving: dict[int, list[int]] = {}
        entering: dict[int, list[int]] = {}
        for number, net in enumerate(nets):
            for item in net.sources:
                leaving.setdefault(item, []).append(number)
            for item in net.targets:
                entering.setdefault(item, []).append(number)
        self._prefer(nets, leaving, entering)
        target_on = {row[target]: target for target in entering}
        for source, mine in leaving.items():
            target = target_on.get(row[source])
            if target is None:
                continue
            theirs = entering[target]
            both = [number for number in mine if number in theirs]
            if both:
                self._straight(graph, nets, row[source], source, target, both[0], mine, theirs)
            else:
                for right in theirs:
                    self.must[right] |= dict.fromkeys(mine, row[source])

    def _prefer(self, nets: Sequence[Net], *meetings: dict[int, list[int]]) -> None:
        """On one row, wider fans branch off first and narrower ones join last."""
        for meeting in meetings:
            for numbers in meeting.values():
                for left in numbers:
                    for right in numbers:
                        if left != right and (
                            set(nets[left].sources) < set(nets[right].sources)
                            or set(nets[left].targets) > set(nets[right].targets)
                        ):
                            self.should[right].add(left)

    def _straight(
        self, graph: Layered, nets: Sequence[Net], row: int, source: int, target: int, own: int,
        mine: Sequence[int], theirs: Sequence[int],
    ) -> None:  # fmt: skip
        """An edge leads straight on: other nets may touch its line only if what they carry has that edge as well."""
        for other in mine:
            if other != own:
                if not set(nets[other].sources) <= set(graph.before[target]):
                    self.steps.add(row)
                self.must[own][other] = row
        for other in theirs:
            if other != own:
                if not set(nets[other].targets) <= set(graph.after[source]):
                    self.steps.add(row)
                self.must[other][own] = row


def _placed(graph: Layered, nets: Sequence[Net], row: Sequence[int]) -> Gap | set[int]:
    """Return the nets on their tracks, short ones on the left where they are free to; or the rows that need a step."""
    rules = _Rules(graph, nets, row)
    steps = rules.steps
    spans = []
    for net in nets:
        ys = [row[item] for item in (*net.sources, *net.targets)]
        spans.append((min(ys), max(ys)))
    order = sorted(range(len(nets)), key=lambda number: spans[number][1] - spans[number][0])
    track: dict[int, int] = {}
    taken: list[int] = []
    while order:
        number = _next(rules, order, track)
        if number is None:
            steps.add(_knot_row(rules, order, track, steps))
            continue
        order.remove(number)
        top, bottom = spans[number]
        if top == bottom:
            track[number] = -1
            continue
        mask = ((1 << (bottom - top + 1)) - 1) << top
        at = max((track[left] + 1 for left in (*rules.must[number], *rules.should[number]) if left in track), default=0)
        while at < len(taken) and taken[at] & mask:
            at += 1
        if at == len(taken):
            taken.append(0)
        taken[at] |= mask
        track[number] = at
    if steps:
        return steps
    placed = (Net(net.sources, net.targets, None if track[n] < 0 else track[n]) for n, net in enumerate(nets))
    return Gap(tuple(placed), len(taken))


def _next(rules: _Rules, order: Sequence[int], track: dict[int, int]) -> int | None:
    """Return the first net that nothing must precede any more, best one that nothing should precede either."""
    best, least = None, len(order)
    for number in order:
        if all(left in track or row in rules.steps for left, row in rules.must[number].items()):
            count = sum(left not in track for left in rules.should[number])
            if not count:
                return number
            if count < least:
                best, least = number, count
    return best


def _knot_row(rules: _Rules, stuck: Sequence[int], track: dict[int, int], steps: set[int]) -> int:
    """Return a row of one circle among the stuck nets."""
    seen: dict[int, int] = {}
    at = stuck[0]
    while at not in seen:
        left, seen[at] = next(
            (left, row) for left, row in rules.must[at].items() if left not in track and row not in steps
        )
        at = left
    return seen[at]


def _step(row: list[int], layer: dict[int, int], place: int, at: set[int]) -> None:
    """Move what stands right of the gap `place` down by one row from each of these rows on, and keep the left in
    step below them. The order of all rows within a layer, and which are equal elsewhere, stays as it is.
    """
    for item, column in layer.items():
        y = row[item]
        row[item] = y + sum(step <= y if column > place else step < y for step in at)
