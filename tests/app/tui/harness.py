"""The whole terminal UI before a real server: keys go in, lines of the screen come out.

def test_something(site):
    async def deed(tui):
        await tui.press("2")
        await tui.until(lambda: "Queue" in tui.lines[0])

    tui_over(site, deed)
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from app.client import Client
from app.tui.prefs import Prefs
from app.tui.session import Session
from app.tui.tui import TreadleApp
from engine.core.clock import Clock
from tests.app.server.site import Site
from tests.widgets.screen import text_of

SIZE = (120, 36)
PATIENCE_S = 10.0
LOOK_S = 0.01


class SiteClock:
    """The site's own time of day, which stands until a test moves it, and seconds that pass: so that the UI beats."""

    def __init__(self, of: Clock) -> None:
        self._of = of

    def now(self) -> datetime:
        return self._of.now()

    def monotonic_s(self) -> float:
        return time.monotonic()


@dataclass
class Tui:
    """The UI in a test's hands."""

    app: TreadleApp
    pilot: Pilot[Any]

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, line by line."""
        return text_of(self.app)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def line(self, words: str) -> str:
        """Return the first line of the screen with these words."""
        return next(line for line in self.lines if words in line)

    @property
    def told(self) -> list[str]:
        """The notices that were shown, oldest first."""
        return [notice.message for notice in self.app._notifications]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, so: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        """Wait until something is so. Fails with what is on the screen instead."""
        end_s = time.monotonic() + patience_s
        while not so():
            assert time.monotonic() < end_s, f"it did not come about; on the screen:\n{self.text}"
            await self.pilot.pause(LOOK_S)

    async def shows(self, *words: str) -> None:
        """Wait until all these words are on the screen."""
        await self.until(lambda: all(word in self.text for word in words))

    async def hides(self, *words: str) -> None:
        """Wait until none of these words is on the screen."""
        await self.until(lambda: not any(word in self.text for word in words))


@asynccontextmanager
async def tui(
    site: Site, size: tuple[int, int] = SIZE, *, prefs: Path | None = None, client: Client | None = None, **told: Any
) -> AsyncIterator[Tui]:
    """Run the UI attached to a site. `told` goes to TreadleApp: `ascii`, `read_only`, `folder`, `clock`."""
    session = Session(client or Client.of_home(site.home))
    async with tui_of(session, size, prefs=prefs, **{"clock": SiteClock(site.lab.clock), **told}) as made:
        yield made


@asynccontextmanager
async def tui_of(
    session: Session, size: tuple[int, int] = SIZE, *, prefs: Path | None = None, **told: Any
) -> AsyncIterator[Tui]:
    """Run the UI over a session, which ends with it."""
    app = TreadleApp(session, Prefs(prefs), **told)
    try:
        async with app.run_test(size=size) as pilot:
            made = Tui(app, pilot)
            await made.until(lambda: app.page is not None and app.page.fetched)
            yield made
    finally:
        app.feed.stop()
        session.stop()


def tui_over(
    site: Site, deed: Callable[[Tui], Awaitable[None]], size: tuple[int, int] = SIZE, **told: Any
) -> TreadleApp:
    """Do something with the UI attached to a site; return the app as it was left."""

    async def go() -> TreadleApp:
        async with tui(site, size, **told) as made:
            await deed(made)
        return made.app

    return asyncio.run(go())
