"""A text over the screen that is asked for anew while it is in view: what something waits for, and since when."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, NamedTuple, TypeAlias

from textual.binding import Binding, BindingType
from textual.timer import Timer

from widgets.safe_text import plain, plain_line
from widgets.text_body import TextBody, Words
from widgets.text_screen import TextScreen


class Told(NamedTuple):
    """The lines of now, each of one piece; `live`: they may be others the next time."""

    lines: Sequence[Words]
    live: bool


class About(NamedTuple):
    """One thing to tell of: `look` tells it, `twin` is the command that does the same."""

    title: str
    twin: str
    look: Callable[[], Awaitable[Told]]


Abouts: TypeAlias = Sequence[About]


class LiveTextScreen(TextScreen):
    """Scrolled, searched and copied as any text; where it stands is kept when it changes.

    `abouts` are what it can tell of, the first at once, the next by a key. Each is looked at every `pace_s` seconds
    while it is live, never twice at once.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "turn", "the job, or its run", show=False, id="text.turn"),
    ]

    def __init__(self, abouts: Abouts, *, pace_s: float = 1.0, ascii: bool = False) -> None:
        super().__init__(abouts[0].title, "", twin=abouts[0].twin, ascii=ascii)
        self._abouts = abouts
        self._at = 0
        self._pace_s = pace_s
        self._looking = False
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        if len(self._abouts) > 1:
            self._turn_to(0)
        self._timer = self.set_interval(self._pace_s, self._look)
        self.call_after_refresh(self._look)

    async def _look(self) -> None:
        if self._looking:
            return
        self._looking = True
        at = self._at
        try:
            told = await self._abouts[at].look()
        finally:
            self._looking = False
        if not self.is_attached:
            return
        if at != self._at:  # the other one is wanted by now
            await self._look()
            return
        lines = [Words(plain_line(words.text), words.style) for words in told.lines]
        self._text = "\n".join(words.text for words in lines)
        self.query_one(TextBody).renew([[words] for words in lines])
        if not told.live and self._timer is not None:
            self._timer.pause()

    def _turn_to(self, at: int) -> None:
        self._at = at
        about, other = self._abouts[at], self._abouts[(at + 1) % len(self._abouts)]
        self.retitle(about.title, twin=about.twin, hint=f"x {plain(other.title)}  {self._hint}")

    async def action_turn(self) -> None:
        """Tell of the next thing."""
        if len(self._abouts) == 1:
            return
        self._turn_to((self._at + 1) % len(self._abouts))
        if self._timer is not None:
            self._timer.resume()
        await self._look()
