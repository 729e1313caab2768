"""Facts of a graph that is given as the needs of each node: order, circles, layers and which edges say something new.

Pure and iterative. Sets of nodes are integers, one bit a node, so that a thousand nodes cost a thousand words.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

Needs: TypeAlias = Sequence[Sequence[int]]


def in_order(needs: Needs) -> list[int]:
    """Return the nodes so that each comes after its needs. The graph has no circle."""
    return _walk(needs)[0]


def circle(needs: Needs) -> list[int]:
    """Return the nodes of one circle, each needing the next and the last the first; or none."""
    return _walk(needs)[1]


def _walk(needs: Needs) -> tuple[list[int], list[int]]:
    """Return the nodes, each after its needs, up to the first circle; and that circle."""
    order: list[int] = []
    begun, done = bytearray(len(needs)), bytearray(len(needs))
    for root in range(len(needs)):
        waiting = [root]
        while waiting:
            node = waiting[-1]
            if begun[node]:
                waiting.pop()
                if not done[node]:
                    done[node] = True
                    order.append(node)
                continue
            begun[node] = True
            unmet = [need for need in needs[node] if not done[need]]
            for need in unmet:
                if begun[need]:
                    path = [each for each in waiting if begun[each] and not done[each]]
                    return order, path[path.index(need) :]
            waiting += unmet
    return order, []


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
