"""Facts of a graph that is given as the needs of each node: order, circles, layers and which edges say something new.

Pure and iterative. Sets of nodes are integers, one bit a node, so that a thousand nodes cost a thousand words.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

Needs: TypeAlias = Sequence[Sequence[int]]


def in_order(needs: Needs) -> list[int]:
    """Return the nodes so that each comes after its needs. Nodes in or behind a circle are missing."""
    unmet = [len(wanted) for wanted in needs]
    after = dependents(needs)
    order = [node for node, count in enumerate(unmet) if not count]
    for node in order:  # grows while it is walked
        for dependent in after[node]:
            unmet[dependent] -= 1
            if not unmet[dependent]:
                order.append(dependent)
    return order


def circle(needs: Needs) -> list[int]:
    """Return the nodes of one circle, or none."""
    left = set(range(len(needs))) - set(in_order(needs))
    path: dict[int, None] = {}
    node = min(left, default=-1)
    while left and node not in path:  # each that is left needs another that is left
        path[node] = None
        node = next(need for need in needs[node] if need in left)
    names = list(path)
    return names[names.index(node) :] if names else []


def dependents(needs: Needs) -> list[list[int]]:
    """Return for each node those that need it, ascending."""
    after: list[list[int]] = [[] for _ in needs]
    for node, wanted in enumerate(needs):
        for need in wanted:
            after[need].append(node)
    return after


def layers(needs: Needs) -> list[int]:
    """Return each node's layer: one more than the deepest of its needs. The graph has no circle."""
    layer = [0] * len(needs)
    for node in in_order(needs):
        layer[node] = max((layer[need] + 1 for need in needs[node]), default=0)
    return layer


def above(needs: Needs) -> list[int]:
    """Return for each node the set of all that it waits for, directly or not."""
    masks = [0] * len(needs)
    for node in in_order(needs):
        mask = 0
        for need in needs[node]:
            mask |= masks[need] | 1 << need
        masks[node] = mask
    return masks


def reduced(needs: Needs) -> list[list[int]]:
    """Return the needs without those that another need already implies."""
    masks = above(needs)
    kept = []
    for wanted in needs:
        implied = 0
        for need in wanted:
            implied |= masks[need]
        kept.append([need for need in wanted if not implied >> need & 1])
    return kept


def bits(mask: int) -> Iterator[int]:
    """Yield the members of a set, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
