"""The bus, heard in the event loop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from engine.bus import Bus


class LoopListener:
    """A listener that waits in the event loop it was made in. Many wake-ups before a wait count as one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._on_its_way = False

    def wake(self) -> None:
        if not self._on_its_way:
            self._on_its_way = True
            try:
                self._loop.call_soon_threadsafe(self._set)
            except RuntimeError:
                pass  # the loop is closed: nobody waits any more

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the next wake-up; return whether one came before the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True

    def _set(self) -> None:
        self._on_its_way = False
        self._event.set()


@contextmanager
def listening(bus: Bus, *topics: str) -> Iterator[LoopListener]:
    """Listen to topics for as long as the block runs."""
    listener = LoopListener()
    bus.join(listener, *topics)
    try:
        yield listener
    finally:
        bus.leave(listener)
