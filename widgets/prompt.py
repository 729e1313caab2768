"""A prompt of one line, for search and filter: what is typed arrives in order, whatever the speed it is typed at.

Open it from a priority binding: `Binding("/", "search", priority=True)` and `prompt.ask("/")` in the action. Textual
runs such an action before it hands out the next key, so that of `/abc` in one burst not a letter is lost. While the
prompt has the focus, keys that it takes as text are kept from priority bindings by Textual itself.
"""

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Blur, Key
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label

REMEMBERED = 50
SETTLE_S = 1.0  # the longest that one widget may keep an end of the prompt waiting


class PromptLine(Input):
    """The input itself. It carries its keys out in its own queue: Textual's way round lets later letters overtake."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,ctrl+p", "recall(-1)", "text typed before", show=False),
        Binding("down,ctrl+n", "recall(1)", "text typed after", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self.cursor_blink = False

    async def _on_key(self, event: Key) -> None:
        if event.is_printable:
            await super()._on_key(event)
        elif bindings := self._bindings.key_to_bindings.get(event.key):
            event.prevent_default().stop()
            await self.run_action(bindings[0].action)

    def action_recall(self, step: int) -> None:
        if isinstance(self.parent, Prompt):
            self.parent.recall(step)


async def settle(widget: Widget) -> None:
    """Return when `widget` has taken in all that was sent to it before."""
    done = asyncio.Event()
    if widget.call_later(done.set):
        try:
            async with asyncio.timeout(SETTLE_S):
                await done.wait()
        except TimeoutError:
            pass  # it was taken down meanwhile, or waits for the app itself: nothing is left to wait for


class Prompt(Horizontal):
    """Hidden until `ask`; then it has the focus until enter or esc gives it back to the widget that had it.

    To leave it in another way (tab, a click elsewhere) keeps what was typed, as enter does.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "done", "take it", priority=True, id="prompt.done"),
        Binding("escape", "left", "leave it", priority=True, id="prompt.left"),
    ]
    DEFAULT_CSS = """
    Prompt { height: 1; display: none; background: $surface; }
    Prompt > Label { width: auto; height: 1; color: $text-accent; text-style: bold; }
    Prompt > #note { color: $text-muted; text-style: none; padding: 0 1; }
    Prompt > PromptLine, Prompt > PromptLine:focus { width: 1fr; background: $surface; background-tint: $surface 0%; }
    """

    class Changed(Message):
        """The text is another one now. `label` is the one that was asked with."""

        def __init__(self, text: str, label: str) -> None:
            super().__init__()
            self.text, self.label = text, label

    class Done(Changed):
        """The text was taken."""

    class Left(Message):
        """The prompt was left, its text is void."""

        def __init__(self, label: str) -> None:
            super().__init__()
            self.label = label

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.history: dict[str, list[str]] = {}
        """What was taken, by label, the latest last. Whoever keeps it between sessions sets it."""
        self.label = ""
        self._line, self._label, self._note = PromptLine(), Label(markup=False), Label(markup=False, id="note")
        self._before: Widget | None = None
        self._draft, self._back = "", 0

    def compose(self) -> ComposeResult:
        yield from (self._label, self._line, self._note)

    def on_mount(self) -> None:
        self.watch(self._line, "value", self._changed, init=False)

    @property
    def is_open(self) -> bool:
        return self.display

    @property
    def text(self) -> str:
        return self._line.value

    def ask(self, label: str, initial: str = "") -> None:
        """Show the prompt with `initial` as its text, and take the keys from here on. Call it from the app's task."""
        if not self.is_open:
            self._before = self.screen.focused
        self.label, self._back = label, 0
        self._label.update(label)
        self.tell("")
        with self.prevent(self.Changed):
            self._line.value = initial
        self._line.cursor_position = len(initial)
        self.display = True
        self.screen.set_focus(self._line)

    def tell(self, note: str) -> None:
        """Show a short note at the right, such as `3/17`."""
        self._note.update(note)
        self._note.display = bool(note)

    def recall(self, step: int) -> None:
        """Show the text taken before (-1) or after (1) the shown one; after the last one comes what was being typed."""
        taken = self.history.get(self.label, [])
        back = min(max(self._back - step, 0), len(taken))
        if back == self._back:
            return
        if self._back == 0:
            self._draft = self.text
        self._back = back
        self._line.value = taken[-back] if back else self._draft
        self._line.cursor_position = len(self.text)

    async def action_done(self) -> None:
        await self._end(taken=True)

    async def action_left(self) -> None:
        await self._end(taken=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.is_open if action in ("done", "left") else True

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def on_descendant_blur(self, event: Blur) -> None:
        if self.is_open and self.app.app_focus and self.screen.focused is not self._line:
            self._close(taken=True, refocus=False)

    def _changed(self, text: str) -> None:
        self.post_message(self.Changed(text, self.label))

    async def _end(self, taken: bool) -> None:
        """Close after the keys typed before, and let the owner know before the keys typed after."""
        await settle(self._line)
        self._close(taken)
        for node in self.ancestors_with_self:
            if isinstance(node, Widget):
                await settle(node)

    def _close(self, taken: bool, refocus: bool = True) -> None:
        if not self.is_open:
            return
        self.display = False
        if refocus:
            before = self._before
            self.screen.set_focus(before if before is not None and before.is_attached else None)
        self._before = None
        if taken:
            self._remember(self.text)
            self.post_message(self.Done(self.text, self.label))
        else:
            self.post_message(self.Left(self.label))

    def _remember(self, text: str) -> None:
        taken = self.history.setdefault(self.label, [])
        if text:
            taken[:] = [*(other for other in taken if other != text), text][-REMEMBERED:]
