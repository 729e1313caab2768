"""A graph in layers where every edge leads from one layer to the next: longer ones travel in shared lanes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from widgets.dag_graph import Needs, bits, layers


@dataclass(frozen=True, slots=True)
class Layered:
    """Items are numbered: first the nodes, then the lanes. `columns` are the items of each layer.

    `after` and `before` lead to the next layer and the last; equal ones are one object, so that work can be shared.
    `sources` and `targets` are, for each item, the sets of
    nodes whose edges pass it; every source of a lane has an edge to every target of it.
    """

    nodes: int
    columns: list[list[int]]
    after: list[tuple[int, ...]]
    before: list[tuple[int, ...]]
    sources: list[int]
    targets: list[int]

    def is_lane(self, item: int) -> bool:
        return item >= self.nodes


def layered(needs: Needs) -> Layered:
    """Return the layers of a graph without circles, best a reduced one.

    Whatever leads from one layer to the same set of nodes further right shares one lane.
    """
    count = len(needs)
    layer = layers(needs)
    columns: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    masks = [0] * len(columns)
    for node, place in enumerate(layer):
        columns[place].append(node)
        masks[place] |= 1 << node
    sources = [1 << node for node in range(count)]
    targets = [0] * count
    for node, wanted in enumerate(needs):
        for need in wanted:
            targets[need] |= 1 << node
    after: list[tuple[int, ...]] = [()] * count
    for place in range(len(columns) - 1):
        ways: dict[int, tuple[int, ...]] = {}
        lanes: dict[int, int] = {}
        for item in columns[place]:
            mask = targets[item]
            far = mask & ~masks[place + 1]
            if far and far not in lanes:
                lanes[far] = len(after)
                after.append(())
                sources.append(0)
                targets.append(far)
            if far:
                sources[lanes[far]] |= sources[item]
            if mask not in ways:
                ways[mask] = (*bits(mask & masks[place + 1]), *((lanes[far],) if far else ()))
            after[item] = ways[mask]
        columns[place + 1] += lanes.values()
    arriving: list[list[int]] = [[] for _ in after]
    for column in columns:
        together: dict[int, list[int]] = {}
        for item in column:
            together.setdefault(id(after[item]), []).append(item)
        for group in together.values():
            for other in after[group[0]]:
                arriving[other] += group
    same: dict[tuple[int, ...], tuple[int, ...]] = {}
    before = [same.setdefault(key, key) for key in map(tuple, arriving)]
    return Layered(count, columns, after, before, sources, [1 << node for node in range(count)] + targets[count:])


def parts(graph: Layered) -> list[dict[int, list[int]]]:
    """Return the columns of each part that hangs together, the parts by their first node."""
    place_of = {item: place for place, column in enumerate(graph.columns) for item in column}
    found = []
    seen: set[int] = set()
    for first in range(graph.nodes):
        if first in seen:
            continue
        seen.add(first)
        part = [first]
        walked: set[int] = set()
        for item in part:  # grows while it is walked
            for near in (graph.after[item], graph.before[item]):
                if id(near) not in walked:
                    walked.add(id(near))
                    fresh = [other for other in near if other not in seen]
                    seen.update(fresh)
                    part += fresh
        columns: dict[int, list[int]] = {}
        for item in sorted(part):
            columns.setdefault(place_of[item], []).append(item)
        found.append(dict(sorted(columns.items())))
    return found


def ordered(graph: Layered, columns: Sequence[Sequence[int]], sweeps: int = 6) -> list[list[int]]:
    """Return the columns sorted so that few lines cross: each item near the middle of its neighbours.

    What the lines leave open stays in the order of the nodes.
    """
    found = [list(column) for column in columns]
    place: dict[int, float] = {item: row for column in found for row, item in enumerate(column)}
    for sweep in range(sweeps):
        forward = sweep % 2 == 0
        for column in found if forward else reversed(found):
            middle = middles(graph.before if forward else graph.after, column, place, _mean)
            wish = {item: place[item] if middle[item] is None else middle[item] for item in column}
            column.sort(key=lambda item: (wish[item], place[item]))
            for row, item in enumerate(column):
                place[item] = row
    return found


def middles(
    near: Sequence[tuple[int, ...]],
    column: Iterable[int],
    place: Mapping[int, float],
    middle: Callable[[list[float]], float],
) -> dict[int, float | None]:
    """Return the middle of each item's neighbours, None without any; equal neighbours are looked at once."""
    known: dict[int, float | None] = {}
    found = {}
    for item in column:
        others = near[item]
        key = id(others)
        if key not in known:
            known[key] = middle([place[other] for other in others]) if others else None
        found[item] = known[key]
    return found


def _mean(places: list[float]) -> float:
    return sum(places) / len(places)
