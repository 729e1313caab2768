"""Work that is done ahead of who needs it: on all CPUs, given out in order, never far ahead."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")
THREADS = min(4, os.cpu_count() or 1)
WINDOW = 4 * THREADS


def ahead(work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Yield `work(item)` for each item, in their order, worked out on several threads a few items ahead.

    An error comes where its result would have come. Who stops early waits for the few that were begun.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="ahead") as pool:
        under_way: deque[Future[B]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(work, item))
                if len(under_way) >= WINDOW:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
