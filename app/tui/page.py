"""What every page has: breadcrumb, body, keys; it fetches, presents, and hears what changed."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.events import DescendantFocus, ScreenResume, ScreenSuspend
from textual.screen import Screen
from textual.widget import Widget

from app.client import Change
from app.tui.actions import ASKING
from app.tui.key_words import ALWAYS, BRIEF
from engine.core.clock import Clock
from engine.core.errors import EngineError
from widgets.breadcrumb import Breadcrumb
from widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

LOOK_S = 0.2  # the shortest time between two looks at the engine
SHARE = 8  # and so many times as long as the last look took,
MOST_S = 3.0  # but never longer than this


class Page(Screen[None]):
    """One full screen. Subclasses say what is in it (`body`), how to `fetch` it and how to `present` that.

    `fetch` runs when the page is opened, comes back into view, and after a change that `concerns` it, never twice at
    once; `present` after each fetch. Both run in the event loop: what blocks goes through `ask`.
    """

    WORD: ClassVar[str] = ""  # the page's name in the breadcrumb
    PACE_S: ClassVar[float | None] = None  # look so often, for what no change tells of
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "pane(1)", "next pane", show=False, id="pane.next"),
        Binding("shift+tab", "pane(-1)", "previous pane", show=False, id="pane.previous"),
        Binding("z", "zoom", "zoom the pane", show=False, id="pane.zoom"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._fetching = False
        self._due_s: float | None = None  # when to fetch next; None: not at all
        self._took_s = self._looked_s = 0.0
        self.fetched = False

    @property
    def ui(self) -> "TreadleApp":
        return cast("TreadleApp", self.app)

    @property
    def clock(self) -> Clock:
        return self.ui.clock

    @property
    def stands(self) -> bool:
        """Are its widgets there: made already, and not being taken down?"""
        return self.is_mounted and self.is_attached and not self._pruning

    def compose(self) -> ComposeResult:
        yield Breadcrumb(ascii=self.ui.ascii)
        yield from self.body()
        yield KeyBar(ascii=self.ui.ascii)

    def body(self) -> ComposeResult:
        """Yield what stands between breadcrumb and keys."""
        raise NotImplementedError

    def crumbs(self) -> tuple[str, ...]:
        """Return the way to what is in view; the page's own word comes first."""
        return (self.WORD,)

    def aside(self) -> str:
        """Return what stands at the right of the breadcrumb."""
        return ""

    async def fetch(self) -> None:
        """Ask the engine for what this page shows. Raises EngineError."""

    def present(self) -> None:
        """Hand what was fetched to the widgets."""

    def concerns(self, change: Change) -> bool:
        """Does this page have to be fetched anew after `change`?"""
        return False

    def heard(self, changes: Sequence[Change]) -> None:
        """Act on changes at once, before anything is fetched: what they tell is enough for a status."""

    def tick(self) -> None:
        """A second has passed: what shows times shows them anew."""

    def look_if_old(self) -> None:
        """Have the page fetched anew when its last look is too long ago."""
        if self.PACE_S is not None and self.clock.monotonic_s() - self._looked_s >= self.PACE_S:
            self.look_again(at_once=True)

    async def ask(self, question: Any, *args: Any, **kwargs: Any) -> Any:
        """Have a call that blocks made on a thread."""
        return await self.ui.ask(question, *args, **kwargs)

    def look_again(self, at_once: bool = False) -> None:
        """Have the page fetched anew soon."""
        wait_s = 0.0 if at_once else min(MOST_S, max(LOOK_S, SHARE * self._took_s))
        due_s = self.clock.monotonic_s() + wait_s
        self._due_s = due_s if self._due_s is None else min(self._due_s, due_s)
        if at_once:
            self.beat()

    def beat(self) -> None:
        """Called ten times a second while in view: fetch, if it is time to."""
        if self._due_s is not None and not self._fetching and self.clock.monotonic_s() >= self._due_s:
            self._due_s = None
            self._fetching = True
            self.run_worker(self._fetch(), group="fetch", exit_on_error=True)

    def take(self, changes: Sequence[Change]) -> None:
        """Hear what changed while this page is in view."""
        self.heard(changes)
        if any(self.concerns(change) for change in changes):
            self.look_again()

    async def _fetch(self) -> None:
        began_s = self._looked_s = self.clock.monotonic_s()
        try:
            await self.fetch()
        except EngineError as error:
            self.ui.unreachable(error)
            self.look_again()
        else:
            self.fetched = True
            if self.stands:
                self.present()
                self.show_frame()
        finally:
            self._fetching = False
            self._took_s = self.clock.monotonic_s() - began_s

    def show_frame(self) -> None:
        """Bring breadcrumb and keys up to date."""
        if not self.stands or not self.is_current:
            return
        right = "  ".join(part for part in (self.aside(), self.ui.standing()) if part)
        self.query_one(Breadcrumb).show(self.crumbs(), right)
        self.query_one(KeyBar).show(self.keys(), len(ALWAYS))

    def pressing(self) -> Sequence[str]:
        """Return the ids of the keys that matter most as things stand: they come first in the bar."""
        return ()

    def keys(self) -> tuple[tuple[str, str], ...]:
        """Return the keys that matter here, each with its word: what is pressing, then those of the focused pane."""
        offered: dict[str, Binding] = {}
        for _, binding in self._offered():
            offered.setdefault(binding.id or f"{binding.key} {binding.action}", binding)
        first = [offered[id] for id in self.pressing() if id in offered]
        shown = dict.fromkeys([*first, *(binding for binding in offered.values() if binding.show)])
        return tuple(
            (self.app.get_key_display(one), BRIEF.get(one.id or "", one.description))
            for one in sorted(shown, key=lambda one: one.id in ALWAYS)
        )

    def _offered(self) -> Iterator[tuple[DOMNode, Binding]]:
        """Yield the bindings that do something now, each with whose it is."""
        for node, binding, enabled, _ in self.active_bindings.values():
            if enabled and not binding.system and binding.description and self.allows(binding):
                yield node, binding

    def allows(self, binding: Binding) -> bool:
        """Is what a key does allowed in this session?"""
        return not (self.ui.read_only and binding.action.startswith(ASKING))

    def on_screen_resume(self, _: ScreenResume) -> None:
        self.look_again(at_once=True)
        self.show_frame()

    def on_screen_suspend(self, _: ScreenSuspend) -> None:
        self._due_s = None

    def on_descendant_focus(self, _: DescendantFocus) -> None:
        self.call_after_refresh(self.show_frame)

    def on_breadcrumb_went(self, message: Breadcrumb.Went) -> None:
        self.ui.go_up_to(message.index)

    async def on_key_bar_pressed(self, message: KeyBar.Pressed) -> None:
        for node, binding in self._offered():
            if self.app.get_key_display(binding) == message.key:
                await self.app.run_action(binding.action, node)
                return

    def panes(self) -> tuple[Widget, ...]:
        """Return the panes, in the order of the tab key."""
        return ()

    def reveal(self, pane: Widget) -> None:
        """Bring a pane into view, where not all are."""

    def zoom(self, pane: Widget) -> None:
        """Give a pane all the room, or take it back."""

    def go_to(self, pane: Widget) -> None:
        """Show a pane, and give the keys to it."""
        self.reveal(pane)
        inner = (
            pane if pane.focusable else next((one for one in pane.query("*") if one.can_focus and one.display), None)
        )
        if inner is not None:
            self.set_focus(inner)

    def pane_in_focus(self) -> Widget | None:
        """Return the pane that has the keys."""
        chain = self.focused.ancestors_with_self if self.focused is not None else []
        return next((pane for pane in self.panes() if pane in chain), None)

    def action_pane(self, step: int) -> None:
        panes = self.panes()
        here = self.pane_in_focus()
        if panes:
            self.go_to(panes[(panes.index(here) + step) % len(panes)] if here is not None else panes[0])

    def action_zoom(self) -> None:
        if (pane := self.pane_in_focus()) is not None:
            self.zoom(pane)

    def node_title(self, node: DOMNode) -> str:
        """Return what the keys of something are headed with in the help."""
        if node is self.app:
            return "Everywhere"
        return "This page" if node is self else str(getattr(node, "border_title", None) or "The list")

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Yield what the palette offers on this page: its keys' actions, with their keys."""
        for node, binding in self._offered():
            if not binding.id or binding.id.startswith("move."):  # Textual's own, and what is quicker by hand
                continue
            run = partial(self.app.run_action, binding.action, node)
            yield binding.description, f"key {self.app.get_key_display(binding)}", partial(self._run, run)

    def places(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Yield what the palette leads to from here."""
        yield from ()

    def _run(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.run_worker(make())
