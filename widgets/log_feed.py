"""The threads behind a log pane: one that tells how the log grows, one that fetches what is to be drawn.

Nothing here waits in the event loop, and whoever has stopped a feed never hears of it again.
"""

import threading
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from textual.message import Message

from widgets.log_source import BLOCK, FAR, LogPart, LogSource, Unavailable

T = TypeVar("T")
WAIT_S = 5.0
AGAIN_S = 1.0
PACE_S = 0.1
SMALL_BYTES = 4 * 1024 * 1024
AT_ONCE = 8


class Times:
    """When the bytes of a block came in."""

    def __init__(self, arrivals: tuple[tuple[int, datetime], ...]) -> None:
        self._offsets = [offset for offset, _ in arrivals]
        self._instants = [at for _, at in arrivals]

    def at(self, offset: int) -> datetime | None:
        number = bisect_right(self._offsets, offset) - 1
        return self._instants[number] if number >= 0 else None


class FeedNews(Message, bubble=False):
    """Something for the pane, posted by a feed's thread."""

    def __init__(self, feed: "LogFeed") -> None:
        super().__init__()
        self.feed = feed


class Grown(FeedNews):
    """What is known of the log from `part.start` on, and how it ends by now."""

    def __init__(self, feed: "LogFeed", part: LogPart, tail: bytes) -> None:
        super().__init__(feed)
        self.part, self.tail = part, tail


class Fetched(FeedNews):
    """Blocks that were wanted, by number, or when their bytes came in."""

    def __init__(self, feed: "LogFeed", blocks: dict[int, bytes], times: dict[int, Times]) -> None:
        super().__init__(feed)
        self.blocks, self.times = blocks, times


class Troubled(FeedNews):
    """The log cannot be had for the reason given; with none, it can again."""

    def __init__(self, feed: "LogFeed", why: str) -> None:
        super().__init__(feed)
        self.why = why


@dataclass(frozen=True, slots=True)
class Wanted:
    block: int
    times: bool = False


class LogFeed:
    """Feeds one pane from one source. `post` is called from both threads."""

    def __init__(self, source: LogSource, post: Callable[[Message], object]) -> None:
        self.source = source
        self.pace_s = PACE_S
        self._post = post
        self._stopped = threading.Event()
        self._queue: dict[Wanted, None] = {}
        self._out: set[Wanted] = set()
        self._news = threading.Condition()
        self._troubled = False

    def start(self) -> None:
        threading.Thread(target=self._follow, name="log-growth", daemon=True).start()
        threading.Thread(target=self._fetch, name="log-blocks", daemon=True).start()

    def stop(self) -> None:
        """Have the threads end once what they wait for has come; neither is waited for."""
        self._stopped.set()
        with self._news:
            self._news.notify_all()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def want(self, blocks: set[int], *, times: bool = False) -> None:
        """Have blocks fetched, the latest wanted first. What is on its way is not asked for twice."""
        with self._news:
            for wanted in [Wanted(block, times) for block in sorted(blocks)]:
                if wanted not in self._out:
                    self._queue.pop(wanted, None)
                    self._queue[wanted] = None
            self._news.notify_all()

    def ask(self, call: Callable[[], T]) -> T | None:
        """Return what a call of the source gives, over any trouble with it; None once the feed has been stopped."""
        while not self.stopped:
            try:
                answer = call()
            except Unavailable as error:
                self._trouble(str(error) or "The log is not available.")
                if error.for_good:
                    return None
                self._stopped.wait(AGAIN_S)
            else:
                self._trouble("")
                return answer
        return None

    def _trouble(self, why: str) -> None:
        if bool(why) != self._troubled and not self.stopped:
            self._troubled = bool(why)
            self._post(Troubled(self, why))

    def _follow(self) -> None:
        """Tell of the log: its end first, where counting all of it may take a while, then everything, then growth."""
        glance = self.ask(lambda: self.source.part(FAR, 0))
        if glance is not None and glance.size > SMALL_BYTES:
            start = max(0, glance.start - BLOCK)
            tail = self.ask(lambda: self.source.read(start, glance.size)) or b""
            if len(tail) == glance.size - start:
                counts = tuple(tail.count(b"\n", at, at + BLOCK) for at in range(0, len(tail), BLOCK))
                self._tell(Grown(self, LogPart(start, glance.size, counts, (), False), tail))
        known, held = 0, b""
        told = False
        while (part := self.ask(partial(self.source.part, known, WAIT_S if told else 0))) is not None:
            if not told or part.size != known or part.ended:
                held = self._tail(part, known, held) or b""
                if len(held) < min(part.size, BLOCK):
                    continue  # its writer was killed, and it is shorter for a moment
                self._tell(Grown(self, part, held))
                told, known = True, part.size
            if part.ended:
                return
            self._stopped.wait(self.pace_s)

    def _tail(self, part: LogPart, known: int, held: bytes) -> bytes | None:
        """Return the last bytes of the log, a block at least, with those that are `held` read once."""
        start = max(0, part.size - BLOCK) // BLOCK * BLOCK
        kept = b""
        if start <= known <= part.size and len(held) >= known - start:
            kept = held[len(held) - (known - start) :]
        fresh = self.ask(lambda: self.source.read(start + len(kept), part.size))
        return None if fresh is None else kept + fresh

    def _fetch(self) -> None:
        while not self.stopped:
            with self._news:
                while not self._queue and not self.stopped:
                    self._news.wait()
                if self.stopped:
                    return
                last, _ = self._queue.popitem()
                run = [last]
                while len(run) < AT_ONCE and (before := Wanted(run[0].block - 1, last.times)) in self._queue:
                    del self._queue[before]
                    run.insert(0, before)
                self._out.update(run)
            start, end = run[0].block * BLOCK, (last.block + 1) * BLOCK
            blocks: dict[int, bytes] = {}
            times: dict[int, Times] = {}
            if last.times:
                found = Times(self.ask(partial(self.source.times, start, end)) or ())
                times = {one.block: found for one in run}
            elif data := self.ask(partial(self.source.read, start, end)):
                blocks = {one.block: data[n * BLOCK : (n + 1) * BLOCK] for n, one in enumerate(run)}
            with self._news:
                self._out.difference_update(run)
            self._tell(Fetched(self, blocks, times))

    def _tell(self, news: FeedNews) -> None:
        if not self.stopped:
            self._post(news)
