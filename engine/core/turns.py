"""Whose turn it is: each repository's jobs in their order, and the first of all. Pure; for one thread at a time."""

import heapq
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

# A job's order in the queue is one number of seconds, smaller first: when its run was created, put forward for each
# point of priority and put back for each job of its repository that is running. Time alone makes everybody's turn
# come, so nothing starves; among jobs of one run and priority the longest remaining path goes first, in seconds as
# their last green attempts took: see engine/core/paths.py.
PRIORITY_S = 60.0
RUNNING_JOB_S = 30.0

Entry: TypeAlias = tuple[float, float, int]
"""Order (see `order_s`), remaining path with a minus in front, job."""
SPARE = 64  # heads that are out of date, beside four for each repository, before they are cleared away


def order_s(created_at: datetime, priority: int) -> float:
    """Return a queued job's place on the scale of seconds described above, before fairness."""
    return created_at.timestamp() - priority * PRIORITY_S


def turn_s(order: float, running: int) -> float:
    """Return where that place is while its repository has so many jobs running: the smallest is claimed first."""
    return order + RUNNING_JOB_S * running


class Turns:
    """What waits, by repository, and what each runs. Time: O(log n) for each call, however many repositories wait.

    A repository stands among the heads as often as its first job or what it runs has changed; all but the latest entry
    are out of date, and passed over.
    """

    def __init__(self, running: Mapping[int, int] | None = None) -> None:
        """`running` is how many jobs each repository runs already."""
        self._running = dict(running or {})
        self._waiting: dict[int, list[Entry]] = {}
        self._heads: list[tuple[float, float, int, int]] = []  # turn, path, job, repository

    def push(self, repo_id: int, entry: Entry) -> None:
        waiting = self._waiting.setdefault(repo_id, [])
        heapq.heappush(waiting, entry)
        if waiting[0] is entry:
            self._show(repo_id)

    def pop(self) -> tuple[int, Entry] | None:
        """Take the first job out, with its repository; None without any. It does not count as running yet."""
        while self._heads:
            head = heapq.heappop(self._heads)
            repo_id = head[3]
            if head == self._head(repo_id):
                entry = heapq.heappop(self._waiting[repo_id])
                if not self._waiting[repo_id]:
                    del self._waiting[repo_id]
                self._show(repo_id)
                return repo_id, entry
        return None

    def count(self, repo_id: int, step: int) -> None:
        """Note that a repository runs a job more (1) or less (-1)."""
        self._running[repo_id] = max(0, self._running.get(repo_id, 0) + step)
        self._show(repo_id)

    def _show(self, repo_id: int) -> None:
        """Put a repository among the heads as it stands now."""
        if len(self._heads) > SPARE + 4 * len(self._waiting):
            self._heads = [head for one in self._waiting if (head := self._head(one)) is not None]
            heapq.heapify(self._heads)
        elif (head := self._head(repo_id)) is not None:
            heapq.heappush(self._heads, head)

    def _head(self, repo_id: int) -> tuple[float, float, int, int] | None:
        waiting = self._waiting.get(repo_id)
        if not waiting:
            return None
        order, path, job_id = waiting[0]
        return turn_s(order, self._running.get(repo_id, 0)), path, job_id, repo_id
