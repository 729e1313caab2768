"""On which tracks lines run between two neighbouring columns: few, and none where a line would touch a strange one.

Where the rules for what stands left of what make a circle, a *step* moves everything on the right down by one row,
so that a source and a target no longer share one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from widgets.dag_layers import Layered
from widgets.dag_nets import Net, Rules, covering


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
        while isinstance(found := _placed(graph, covering(graph, column, row), row), set):
            _step(row, layer, place, found)
        gaps.append(found)
    return gaps


def _placed(graph: Layered, nets: Sequence[Net], row: Sequence[int]) -> Gap | set[int]:
    """Return the nets on their tracks, short ones on the left where they are free to; or the rows that need a step."""
    rules = Rules(graph, nets, row)
    rows = [[row[item] for item in (*net.sources, *net.targets)] for net in nets]
    spans = [(min(each), max(each)) for each in rows]
    order = sorted(range(len(nets)), key=lambda number: spans[number][1] - spans[number][0])
    tracks: dict[int, int] = {}
    taken: list[int] = []  # the rows of each track, as a set of bits
    while order:
        number = _next(rules, order, tracks)
        if number is None:
            rules.steps.add(_circle_row(rules, order, tracks))
            continue
        order.remove(number)
        top, bottom = spans[number]
        if top == bottom:
            tracks[number] = -1
            continue
        mask = ((1 << (bottom - top + 1)) - 1) << top
        before = (tracks[left] for left in (*rules.must[number], *rules.should[number]) if left in tracks)
        track = max(before, default=-1) + 1
        while track < len(taken) and taken[track] & mask:
            track += 1
        if track == len(taken):
            taken.append(0)
        taken[track] |= mask
        tracks[number] = track
    if rules.steps:
        return rules.steps
    return Gap(
        tuple(replace(net, track=tracks[n] if tracks[n] >= 0 else None) for n, net in enumerate(nets)), len(taken)
    )


def _next(rules: Rules, order: Sequence[int], tracks: dict[int, int]) -> int | None:
    """Return the first net that nothing must precede any more, best one that nothing should precede either."""
    best, least = None, len(order)
    for number in order:
        if all(left in tracks or row in rules.steps for left, row in rules.must[number].items()):
            count = sum(left not in tracks for left in rules.should[number])
            if not count:
                return number
            if count < least:
                best, least = number, count
    return best


def _circle_row(rules: Rules, stuck: Sequence[int], tracks: dict[int, int]) -> int:
    """Return a row that is a reason in a circle among the stuck nets: with a step there it is none any more."""
    seen: dict[int, int] = {}
    at = stuck[0]
    while at not in seen:
        reasons = rules.must[at].items()
        left, seen[at] = next((left, row) for left, row in reasons if left not in tracks and row not in rules.steps)
        at = left
    return seen[at]


def _step(row: list[int], layer: dict[int, int], place: int, at: set[int]) -> None:
    """Move what stands right of the gap `place` down by one row from each of these rows on, and keep the left in
    step below them. The order of all rows within a layer, and which are equal elsewhere, stays as it is.
    """
    for item, column in layer.items():
        y = row[item]
        row[item] = y + sum(step <= y if column > place else step < y for step in at)
