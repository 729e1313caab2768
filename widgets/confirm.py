"""Questions before something would be lost: yes or no, and one of a few."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Button, Label

from widgets.dialog import Dialog, button
from widgets.menu import Menu, MenuItem

FRAME = 2


class Confirm(Dialog[bool]):
    """Yes or no. The focus is on No, so that an enter too many does nothing; esc is No."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="confirm.yes"),
        Binding("n,q", "answer(False)", "no", id="confirm.no"),
        Binding("left,h,up,k", "app.focus_previous", "the other answer", show=False),
        Binding("right,l,down,j", "app.focus_next", "the other answer", show=False),
    ]
    nothing = False

    def __init__(
        self,
        question: str,
        consequence: str = "",
        *,
        yes: str = "Yes",
        no: str = "No",
        twin: str = "",
        ascii: bool = False,
    ) -> None:
        super().__init__(question, twin=twin, hint="y yes  n no", ascii=ascii)
        self._consequence, self._yes, self._no = consequence, yes, no

    def body(self) -> Iterable[Widget]:
        if self._consequence:
            yield Label(self._consequence, markup=False)
        yield Horizontal(button(self._no, "no"), button(self._yes, "yes", "error"), classes="buttons")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


class Choice(Dialog[str | None]):
    """One of a few: its name, with esc None. The cursor begins on the first; put the mildest there."""

    AUTO_FOCUS = "Menu"
    DEFAULT_CSS = "Choice VerticalScroll { height: auto; scrollbar-size-vertical: 1; }"

    def __init__(
        self, question: str, options: Sequence[MenuItem], consequence: str = "", *, twin: str = "", ascii: bool = False
    ) -> None:
        super().__init__(question, twin=twin, hint="enter choose  esc back", ascii=ascii)
        self._options, self._consequence = tuple(options), consequence

    def body(self) -> Iterable[Widget]:
        if self._consequence:
            yield Label(self._consequence, markup=False, classes="says")
        yield VerticalScroll(Menu(self._options, ascii=self.ascii), can_focus=False)

    def on_resize(self, event: Resize) -> None:
        rows = event.size.height - FRAME - bool(self._consequence) - 2 * bool(self._twin)
        self.query_one(VerticalScroll).styles.max_height = max(1, rows)

    def on_menu_chosen(self, event: Menu.Chosen) -> None:
        event.stop()
        self.dismiss(event.name)
