"""The controls of a form, each of one row: a switch, one of some options, a line of text. All have a `value`."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input

from widgets.columns import cut
from widgets.safe_text import plain


class Changed(Message):
    """A control has another value."""


class Control(Widget, can_focus=True):
    """A value that keys change; space takes the next one, a click too."""

    DEFAULT_CSS = """
    Control { height: 1; width: 1fr; }
    Control:focus { text-style: reverse; }
    """
    value: reactive[str] = reactive("", init=False)

    def __init__(self, value: str, *, ascii: bool = False) -> None:
        super().__init__()
        self.set_reactive(Control.value, value)
        self.ascii = ascii

    def shown(self) -> str:
        """Return the value as it is shown."""
        raise NotImplementedError

    def step(self, by: int) -> None:
        """Take the value that is `by` further."""
        raise NotImplementedError

    def watch_value(self) -> None:
        self.post_message(Changed())

    def render_line(self, y: int) -> Strip:
        text = cut(self.shown(), self.size.width, self.ascii)
        base = self.rich_style
        plain = base + Style(reverse=False)
        return Strip([Segment(text, base)]).adjust_cell_length(self.size.width, plain)

    def on_click(self, event: events.Click) -> None:
        self.step(1)

    def action_step(self, by: int) -> None:
        self.step(by)


class Switch(Control):
    """True or false."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,left,right,h,l", "step(1)", "the other one", show=False),
        Binding("y,t", "take('true')", "true", show=False),
        Binding("n,f", "take('false')", "false", show=False),
    ]

    def shown(self) -> str:
        return "[x] true" if self.value == "true" else "[ ] false"

    def step(self, by: int) -> None:
        self.value = "false" if self.value == "true" else "true"

    def action_take(self, value: str) -> None:
        self.value = value


class Options(Control):
    """One of some. Letters go to the next option that begins with them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right,l", "step(1)", "next", show=False),
        Binding("left,h", "step(-1)", "previous", show=False),
        Binding("home", "take(0)", "first", show=False),
        Binding("end", "take(-1)", "last", show=False),
    ]

    def __init__(self, options: tuple[str, ...], value: str, *, ascii: bool = False) -> None:
        super().__init__(value, ascii=ascii)
        self.options = options

    def shown(self) -> str:
        before, after = ("<", ">") if self.ascii else ("◂", "▸")
        place = f"  {self._at + 1}/{len(self.options)}" if len(self.options) > 2 else ""
        return f"{before} {plain(self.value) or '(empty)'} {after}{place}"

    def step(self, by: int) -> None:
        self.value = self.options[(self._at + by) % len(self.options)]

    def action_take(self, index: int) -> None:
        self.value = self.options[index]

    def on_key(self, event: events.Key) -> None:
        letter = event.character or ""
        if event.is_printable and letter not in " hl":
            count = len(self.options)
            ahead = [self.options[(self._at + step) % count] for step in range(1, count + 1)]
            found = [one for one in ahead if one.lower().startswith(letter)]
            if found:
                event.stop()
                self.value = found[0]

    @property
    def _at(self) -> int:
        return self.options.index(self.value)


class TextLine(Input):
    """A text, with suggestions (taken by →) where there are some to choose from."""

    DEFAULT_CSS = """
    TextLine { width: 1fr; }
    TextLine, TextLine:focus { background: $boost; }
    """

    def __init__(self, value: str, *, suggestions: tuple[str, ...] = (), placeholder: str = "") -> None:
        harmless = [one for one in suggestions if one == plain(one)]
        super().__init__(
            plain(value),
            compact=True,
            select_on_focus=False,
            suggester=SuggestFromList(harmless, case_sensitive=True) if harmless else None,
            placeholder=placeholder,
        )
        self.cursor_blink = False

    def on_mount(self) -> None:
        self.cursor_position = len(self.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(Changed())
