"""The graph of jobs: cycles, orders, layers and longest paths. Pure and iterative, so that depth costs no stack.

`needs` maps each job to the jobs it waits for. Names in it that are no key are passed over: the parser has
already complained about them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

Needs: TypeAlias = Mapping[str, Sequence[str]]


def find_cycle(needs: Needs) -> list[str] | None:
    """Return one cycle, each job needing the next and the first repeated at the end, or None. Time: O(edges)."""
    done: set[str] = set()
    for root in needs:
        if root in done:
            continue
        path = {root: None}  # a dict for its order and its fast `in`
        stack = [iter(needs[root])]
        while stack:
            need = next(stack[-1], None)
            if need is None:
                stack.pop()
                done.add(path.popitem()[0])
            elif need in path:
                names = list(path)
                return [*names[names.index(need) :], need]
            elif need in needs and need not in done:
                path[need] = None
                stack.append(iter(needs[need]))
    return None


def topological_order(needs: Needs) -> list[str]:
    """Return the jobs so that each comes after all that it needs. Raises ValueError when the graph has a cycle."""
    unmet = {key: sum(need in needs for need in set(wanted)) for key, wanted in needs.items()}
    dependents: dict[str, list[str]] = {key: [] for key in needs}
    for key, wanted in needs.items():
        for need in dict.fromkeys(wanted):
            if need in dependents:
                dependents[need].append(key)
    order = [key for key, count in unmet.items() if count == 0]
    for key in order:  # grows while it is walked
        for dependent in dependents[key]:
            unmet[dependent] -= 1
            if unmet[dependent] == 0:
                order.append(dependent)
    if len(order) != len(needs):
        raise ValueError(f"the jobs need each other in a circle: {' → '.join(find_cycle(needs) or [])}")
    return order


def layers(needs: Needs) -> list[list[str]]:
    """Return the jobs in layers: each job stands one below the deepest of its needs, in file order within a layer.

    Raises ValueError when the graph has a cycle.
    """
    depth: dict[str, int] = {}
    for key in topological_order(needs):
        depth[key] = max((depth[need] + 1 for need in needs[key] if need in depth), default=0)
    found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in needs:
        found[depth[key]].append(key)
    return found


def remaining_path(needs: Needs) -> dict[str, int]:
    """Return for each job the length, in jobs, of the longest chain that it begins: 1 where nothing waits for it.

    Raises ValueError when the graph has a cycle.
    """
    longest = dict.fromkeys(needs, 1)
    for key in reversed(topological_order(needs)):
        for need in needs[key]:
            if need in longest:
                longest[need] = max(longest[need], longest[key] + 1)
    return longest


def closure(needs: Needs, wanted: Iterable[str]) -> frozenset[str]:
    """Return the `wanted` jobs and everything they need, directly or not."""
    found: set[str] = set()
    waiting = [key for key in wanted if key in needs]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting.extend(need for need in needs[key] if need in needs)
    return frozenset(found)
