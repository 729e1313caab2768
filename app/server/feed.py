"""The transitions as they are written: read once, kept in memory for a while, told to all who wait.

A reader's place is a sequence number and nothing else. Whoever is close behind reads from memory, whoever is further
behind from the table, so no reader holds anything back, and one that stalls costs nothing.
"""

import asyncio
import json
import logging
from bisect import bisect_right

from app.server.desk import Desk
from app.server.listening import listening
from app.shapes import transition_shape
from engine.core.records import Transition
from pipelines.records import dataclass

log = logging.getLogger(__name__)
PAGE = 500
KEPT = 4 * PAGE
LOOK_S = 15.0  # a wake-up that another process owes may be lost with that process


@dataclass(frozen=True, slots=True)
class Frame:
    """One transition, and how the stream writes it."""

    change: Transition
    data: bytes

    @property
    def sequence(self) -> int:
        return self.change.sequence


def frame(change: Transition) -> Frame:
    data = json.dumps(transition_shape(change), ensure_ascii=False, separators=(",", ":"))
    text = f"id: {change.sequence}\nevent: {change.noun}\ndata: {data}\n\n"
    return Frame(change, text.encode("utf-8", "replace"))


class Feed:
    """Lives in the event loop. `last` is the newest sequence number that was seen."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._frames: list[Frame] = []
        self._whole_after = 0  # every transition after this one is in memory
        self.last = 0
        self.closed = False
        self.readers = 0
        self._news = asyncio.Event()

    async def begin(self) -> None:
        """Stand at the end of what there is."""
        self.last = self._whole_after = await self._desk.ask(self._desk.store.queries.last_sequence)

    async def run(self) -> None:
        """Read what is new until cancelled."""
        with listening(self._desk.bus, "news") as listener:
            while True:
                try:
                    while await self._look():
                        pass
                except Exception:
                    log.exception("the stream of changes could not be read; trying again")
                await listener.wait(LOOK_S if self.readers else None)

    def close(self) -> None:
        """Have every reader end."""
        self.closed = True
        self._tell()

    async def page(self, after: int) -> list[Frame]:
        """Return the next transitions after a place, oldest first; none at the end."""
        if after >= self._whole_after:
            start = bisect_right(self._frames, after, key=lambda one: one.sequence)
            return self._frames[start : start + PAGE]
        changes = await self._desk.ask(self._desk.store.queries.transitions, after, limit=PAGE)
        return [frame(change) for change in changes]

    def remembers(self, after: int) -> bool:
        """Is everything after a place in memory, whatever became of it in the store since?"""
        return after >= self._whole_after

    async def wait(self, after: int, timeout_s: float) -> bool:
        """Wait until there is something after a place; return whether there is, or the feed is closed."""
        if self.last > after or self.closed:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _look(self) -> bool:
        changes = await self._desk.ask(self._desk.store.queries.transitions, self.last, limit=PAGE)
        if not changes:
            return False
        self._frames += [frame(change) for change in changes]
        if len(self._frames) > KEPT:
            self._whole_after = self._frames[len(self._frames) - KEPT - 1].sequence
            del self._frames[:-KEPT]
        self.last = changes[-1].sequence
        self._tell()
        return True

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
