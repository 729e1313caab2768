"""A box over the screen that asks or tells something: its frame, which all of them share."""

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Label

from widgets.columns import cut
from widgets.safe_text import plain

Answer = TypeVar("Answer")
FRAME = 2  # cells that a title keeps from the corners


class Dialog(ModalScreen[Answer]):
    """A modal with a title in its frame. Subclasses say what is in it; esc ends it with `nothing`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back", id="dialog.leave")]
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > #box {
        width: 76; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
        border: round $primary; border-title-style: bold; background: $surface;
        border-subtitle-color: $text-muted;
    }
    Dialog.-ascii > #box { border: ascii $primary; }
    Dialog Label { width: 100%; }
    Dialog .says, Dialog .twin { color: $text-muted; }
    Dialog .twin { margin-top: 1; }
    Dialog .buttons { height: 1; margin-top: 1; align-horizontal: right; }
    Dialog .buttons Button { margin-left: 2; }
    """
    nothing: Answer | None = None

    def __init__(self, title: str, *, twin: str = "", hint: str = "", ascii: bool = False) -> None:
        super().__init__(classes="-ascii" if ascii else None)
        self._heading, self._twin, self._hint, self.ascii = title, twin, hint, ascii

    def body(self) -> Iterable[Widget]:
        """Return what is in the box."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        box = Vertical(*self.body(), *([twin_line(self._twin)] if self._twin else []), id="box")
        box.border_title = Content(plain(self._heading))
        box.border_subtitle = Content(self._hint)
        yield box

    def retitle(self, title: str, *, twin: str = "", hint: str | None = None) -> None:
        """Say that it is about something else now; `twin` and `hint` stay where they are not told."""
        box = self.query_one("#box")
        width = box.size.width or self.app.size.width  # it is not laid out yet
        box.border_title = Content(cut(plain(title), max(1, width - FRAME), self.ascii))
        if twin:
            self.query_one(".twin", Label).update(f"$ {plain(twin)}")
        if hint is not None:
            box.border_subtitle = Content(hint)

    def action_leave(self) -> None:
        self.dismiss(self.nothing)


def twin_line(twin: str) -> Label:
    """Return the line that shows the command which does the same."""
    return Label(plain(f"$ {twin}"), markup=False, classes="twin")


def button(label: str, id: str, variant: str = "default") -> Button:
    """Return a button of one row whose label is never read as markup."""
    return Button(Content(label), id=id, compact=True, variant=variant)  # type: ignore[arg-type]
