"""How well the promises on speed and success are kept: each window's budget, and one window over time."""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from app.tui.page import Page
from app.tui.presenters import slo as presenter
from engine.core.slo import WINDOWS
from widgets.caption import Caption
from widgets.gauge import Gauge
from widgets.line import Piece
from widgets.plot import Plot

NAMES = tuple(WINDOWS)
USUAL = "24h"


class WindowPane(Vertical):
    """One window's gauges."""

    DEFAULT_CSS = "WindowPane { height: auto; }"

    def __init__(self, name: str, ascii: bool) -> None:
        super().__init__(id=f"window-{name}")
        self._window = name
        self._ascii = ascii

    def compose(self) -> ComposeResult:
        yield Caption(ascii=self._ascii, classes="head")
        yield Gauge(ascii=self._ascii, classes="trigger")
        yield Gauge(ascii=self._ascii, classes="completion")
        yield Caption(ascii=self._ascii, classes="note")

    def show(self, prop: presenter.WindowProp, chosen: bool) -> None:
        self.set_class(chosen, "-chosen")
        target = NAMES.index(prop.name)
        arrow = (">" if self._ascii else "▸") if chosen else " "
        about = "  times are p50 / p95 / p99" if chosen else ""
        self.query_one(".head", Caption).show(
            Piece(f"{arrow} last {prop.name}", "title", target), Piece(about, "dim", target)
        )
        for name, kept in (("trigger", prop.trigger), ("completion", prop.completion)):
            self.query_one(f".{name}", Gauge).show(f"  {kept.label}", kept.value, kept.left)
        self.query_one(".note", Caption).show(Piece(f"  {prop.note}", "dim", target))


class SloPage(Page):
    """Where there is little room, only the chosen window's gauges stay beside the plots."""

    WORD = "SLO"
    PACE_S = 5.0
    DEFAULT_CSS = """
    SloPage.-short WindowPane { display: none; }
    SloPage.-short WindowPane.-chosen { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket,left,h", "window(-1)", "less far back", key_display="[", id="slo.shorter"),
        Binding("right_square_bracket,right,l", "window(1)", "further back", key_display="]", id="slo.longer"),
        Binding("f", "flaky", "failures that come and go", id="slo.flaky"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.window = USUAL
        self.told: dict[str, Any] = {}
        self.histories: dict[str, dict[str, Any]] = {}  # what was told last of each window

    def body(self) -> ComposeResult:
        ascii = self.ui.ascii
        for name in NAMES:
            yield WindowPane(name, ascii)
        yield Plot(ascii=ascii, id="trigger")
        yield Plot(ascii=ascii, id="completion")

    def on_mount(self) -> None:
        kept = self.ui.prefs.get("slo.window", USUAL)
        self.window = kept if kept in NAMES else USUAL

    def crumbs(self) -> tuple[str, ...]:
        return (self.WORD, f"last {self.window}")

    async def fetch(self) -> None:
        get, window = self.ui.session.client.get, self.window
        self.told = await self.ask(get, "/slo")
        self.histories[window] = await self.ask(get, "/slo/history", {"window": window})

    def present(self) -> None:
        for prop in presenter.windows(self.told):
            self.query_one(f"#window-{prop.name}", WindowPane).show(prop, prop.name == self.window)
        history = self.histories.get(self.window)
        if history is not None:
            self.query_one("#trigger", Plot).show(presenter.trigger_plot(history))
            self.query_one("#completion", Plot).show(presenter.completion_plot(history))

    def choose(self, window: str) -> None:
        """Show a window over time, what is known of it at once."""
        self.window = window
        self.ui.prefs.set("slo.window", window)
        if self.fetched:
            self.present()
            self.show_frame()
        self.look_again(at_once=True)

    def action_window(self, step: int) -> None:
        place = NAMES.index(self.window) + step
        if 0 <= place < len(NAMES):
            self.choose(NAMES[place])

    def action_flaky(self) -> None:
        self.ui.show_over("flaky")

    def on_caption_clicked(self, message: Caption.Clicked) -> None:
        self.choose(NAMES[message.target])


PAGE = SloPage
