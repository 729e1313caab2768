"""Jobs become the nodes of a graph: a matrix is one node unless it is opened, and what failed in it stands alone.

Pure, and about shape only: no status but "failed" changes it, and never what a node's text says.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from widgets.dag_graph import circle
from widgets.dag_job import BROKEN, DONE, DagJob
from widgets.safe_text import plain

SMALLEST = 3
PULLED = 8

# The first of these that any member has is what the fold says.
_LOUDEST = (
    "running", "retrying", "queued", "blocked", "pending", "lost", "failed", "timed_out", "cancelled", "success",
    "skipped",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """One thing drawn: a job, whose `key` is its id, or a fold, whose `key` is its group.

    `members` are ids of jobs, one for a job. `needs` are indexes of nodes, ascending, without itself.
    """

    key: int | str
    label: str
    members: tuple[int, ...]
    needs: tuple[int, ...] = ()
    opened: bool = False

    @property
    def is_fold(self) -> bool:
        return isinstance(self.key, str)


def fold(jobs: Sequence[DagJob], opened: Iterable[str] = (), pull: bool = True) -> tuple[Node, ...]:
    """Return the nodes, in the order of their first jobs; every job is a member of exactly one.

    A group of at least three is one node unless it is `opened` or folding it would close a circle. With `pull`, its
    first failed members (at most eight, so that a matrix that failed as a whole stays small) are nodes of their own.
    """
    groups: dict[str, list[DagJob]] = {}
    for job in jobs:
        if job.group is not None:
            groups.setdefault(job.group, []).append(job)
    closed = {group for group, members in groups.items() if len(members) >= SMALLEST} - set(opened)
    while True:
        inside = {group: _kept(groups[group], pull) for group in closed}
        nodes = _nodes(jobs, {id: group for group, ids in inside.items() if len(ids) > 1 for id in ids})
        knot = circle([node.needs for node in nodes])
        if not knot:
            return nodes
        # Any fold in the circle may be the guilty one; the largest gives the most nodes free at once.
        guilty = max((nodes[i] for i in knot if nodes[i].is_fold), key=lambda node: len(node.members), default=None)
        if guilty is None:
            raise ValueError("the jobs need each other in a circle")
        closed.discard(str(guilty.key))


def broken_members(node: Node, jobs: dict[int, DagJob]) -> tuple[int, ...]:
    """Return the failed members that a closed fold shows below itself, the first few."""
    return tuple(id for id in node.members if jobs[id].status in BROKEN)[:PULLED]


def status_of(statuses: Iterable[str]) -> str:
    """Return what a fold of jobs in `statuses` is: what still moves is told before what is over."""
    found = set(statuses)
    return next((status for status in _LOUDEST if status in found), next(iter(sorted(found)), "pending"))


def shares(statuses: Iterable[str], cells: int) -> tuple[tuple[str, int], ...]:
    """Return how many of a bar's `cells` go to success, failed, running and pending, in this order.

    They add up to `cells`; a kind that has any job gets a cell while there are enough.
    """
    kinds = Counter(_kind(status) for status in statuses)
    total = sum(kinds.values())
    order = [kind for kind in ("success", "failed", "running", "pending") if kinds[kind]]
    given = dict.fromkeys(order, 0)
    for kind in sorted(order, key=lambda kind: -kinds[kind])[:cells]:
        given[kind] = 1
    for _ in range(cells - sum(given.values()) if order else 0):
        given[max(order, key=lambda kind: kinds[kind] * cells - given[kind] * total)] += 1
    return tuple(given.items())


def _kind(status: str) -> str:
    if status in BROKEN:
        return "failed"
    if status in DONE:
        return "success"
    return "running" if status in ("running", "retrying", "lost") else "pending"


def _kept(members: list[DagJob], pull: bool) -> list[int]:
    """Return the ids that stay in the fold."""
    room = PULLED if pull else 0
    kept = []
    for job in members:
        if room and job.status in BROKEN:
            room -= 1
        else:
            kept.append(job.id)
    return kept


def _nodes(jobs: Sequence[DagJob], folded: dict[int, str]) -> tuple[Node, ...]:
    index: dict[int | str, int] = {}
    members: list[list[DagJob]] = []
    for job in jobs:
        key = folded.get(job.id, job.id)
        if key not in index:
            index[key] = len(members)
            members.append([])
        members[index[key]].append(job)
    where = {job.id: number for number, inside in enumerate(members) for job in inside}
    nodes = []
    for key, number in index.items():
        inside = members[number]
        needs = {where[need] for job in inside for need in job.needs if need in where and need != job.id}
        label = inside[0].key if isinstance(key, str) else inside[0].name
        nodes.append(Node(key, plain(label), tuple(job.id for job in inside), tuple(sorted(needs))))
    return tuple(nodes)
