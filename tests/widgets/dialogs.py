"""An app that shows one dialog and keeps its answer, for the tests of dialogs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from textual.app import App
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen

from tests.widgets.screen import text_of


class Asking(App[None]):
    """`answers` holds what the dialog ended with, `heard` the messages that climbed to the app."""

    def __init__(self, dialog: Screen[object]) -> None:
        super().__init__()
        self.dialog, self.answers, self.heard = dialog, list[object](), list[Message]()

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.answers.append)

    def on_text_screen_copy_asked(self, event: Message) -> None:
        self.heard.append(event)


def answered(dialog: Screen[object], *keys: str) -> list[object]:
    """Return the answers of a dialog after these keys: none when it still asks."""
    return shown(dialog, *keys)[1]


def shown(dialog: Screen[object], *keys: str, size: tuple[int, int] = (80, 24)) -> tuple[list[str], list[object]]:
    """Return the screen and the answers after these keys."""
    screen: list[str] = []

    async def deed(app: Asking, pilot: Pilot[None]) -> None:
        await pilot.press(*keys)
        await pilot.pause()
        screen.extend(text_of(app))

    app = driven(dialog, deed, size)
    return screen, app.answers


def driven(
    dialog: Screen[object], deed: Callable[[Asking, Pilot[None]], Awaitable[None]], size: Sequence[int] = (80, 24)
) -> Asking:
    """Do something with a dialog and return its app."""
    app = Asking(dialog)

    async def go() -> None:
        async with app.run_test(size=(size[0], size[1])) as pilot:
            await pilot.pause()
            await deed(app, pilot)

    asyncio.run(go())
    return app
