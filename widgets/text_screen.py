"""A text over the screen: the payload of an event, why a workflow would not run, a whole error."""

import re
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from widgets.dialog import Dialog
from widgets.prompt import Prompt
from widgets.safe_text import safe
from widgets.text_body import TextBody

_SGR = re.compile(r"\x1b\[[0-9;:]*m")


class TextScreen(Dialog[None]):
    """Scrolled as every pane, searched by `/`. Whatever the text holds, it cannot draw outside its rows."""

    AUTO_FOCUS = "TextBody"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", "back", show=False, id="text.leave"),
        Binding("slash", "search", "search", priority=True, id="text.search"),
        Binding("n", "next(1)", "next match", id="text.next"),
        Binding("N", "next(-1)", "previous match", id="text.previous"),
        Binding("y", "copy", "copy the text", id="text.copy"),
    ]
    DEFAULT_CSS = """
    TextScreen > #box { width: 90%; height: 90%; }
    """

    class CopyAsked(Message):
        """The text is wanted in the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, title: str, text: str, *, twin: str = "", ascii: bool = False) -> None:
        super().__init__(title, twin=twin, hint="/ search  y copy  esc back", ascii=ascii)
        self._text = "\n".join(_SGR.sub("", safe(line)) for line in text.splitlines())

    def body(self) -> Iterable[Widget]:
        yield TextBody()
        yield Prompt()

    def on_mount(self) -> None:
        self.query_one(TextBody).show_text(self._text)

    def action_search(self) -> None:
        self.query_one(Prompt).ask("/")

    def action_next(self, step: int) -> None:
        self.query_one(TextBody).seek_next(step)

    def action_copy(self) -> None:
        self.post_message(self.CopyAsked(self._text))

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        event.stop()
        count = self.query_one(TextBody).seek(event.text)
        self.query_one(Prompt).tell(f"{count} rows" if event.text else "")

    def on_prompt_done(self, event: Prompt.Done) -> None:
        event.stop()

    def on_prompt_left(self, event: Prompt.Left) -> None:
        event.stop()
        self.query_one(TextBody).seek("")
