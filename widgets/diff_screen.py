"""A comparison over the screen: asked for while it is in view already, step by step, against one thing or another."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Label

from widgets.caption import Caption
from widgets.dialog import Dialog
from widgets.diff_view import GONE, MOVED, NEW, SIGNS, DiffRow, DiffView
from widgets.line import Piece
from widgets.safe_text import plain, uncoloured
from widgets.text_screen import TextScreen

WAIT = "comparing"
LEGEND = "  ".join(f"{SIGNS[kind]} {kind}" for kind in (NEW, GONE, MOVED))


@dataclass(frozen=True, slots=True)
class DiffProp:
    """What is compared, how much differs, and all rows. `first` is the row to begin at. `steps` are those that there
    are, in order, `step` the one compared (None: all). `trouble`: why there is nothing to show."""

    title: str
    sums: str = ""
    rows: Sequence[DiffRow] = ()
    first: int | None = None
    steps: Sequence[int] = ()
    step: int | None = None
    twin: str = ""
    trouble: str = ""


class Lines(NamedTuple):
    """Lines of a log, and how many bytes they take there; or why there are none."""

    lines: Sequence[str]
    size_bytes: int = 0
    trouble: str = ""


class DiffScreen(Dialog[int | None]):
    """Ends with the byte of the line that is wanted in its log, None by esc.

    `load` compares a step (None: the one that matters most) against what is usual, or what came before (True);
    `read` returns lines of the log between two bytes.
    """

    AUTO_FOCUS = "DiffView"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", "back", show=False, id="diff.leave"),
        Binding("right_curly_bracket", "step(1)", "next step", key_display="}", id="diff.next_step"),
        Binding("left_curly_bracket", "step(-1)", "previous step", key_display="{", id="diff.previous_step"),
        Binding("p", "previous", "against the attempt before, or what was", id="diff.against"),
        Binding("y", "copy", "copy what differs", id="diff.copy"),
    ]
    DEFAULT_CSS = """
    DiffScreen > #box { width: 96%; height: 94%; }
    DiffScreen Caption { height: 1; }
    """

    def __init__(
        self,
        load: Callable[[int | None, bool], Awaitable[DiffProp]],
        read: Callable[[int, int], Awaitable[Lines]],
        *,
        title: str,
        twin: str,
        ascii: bool = False,
    ) -> None:
        super().__init__(title, twin=twin, hint="n N next  enter open  { } step  p before  esc back", ascii=ascii)
        self._load, self._read = load, read
        self._prop = DiffProp(title)
        self._before = False
        self._trouble = Label(markup=False)
        self._trouble.display = False

    def body(self) -> Iterable[Widget]:
        yield Caption(ascii=self.ascii)
        yield self._trouble
        yield DiffView(ascii=self.ascii)

    def on_mount(self) -> None:
        self._ask(None)

    @property
    def _view(self) -> DiffView:
        return self.query_one(DiffView)

    def _say(self, text: str, note: str = "") -> None:
        self.query_one(Caption).show(Piece(f"{text}  ", "title" if not note else ""), Piece(note or LEGEND, "dim"))

    def _ask(self, step: int | None) -> None:
        self._say(WAIT)
        self.run_worker(self._look(step), group="diff", exclusive=True)

    async def _look(self, step: int | None) -> None:
        prop = await self._load(step, self._before)
        if not self.is_attached:
            return
        self._prop = prop
        self.retitle(prop.title, twin=prop.twin)
        self._say(prop.sums)
        self._trouble.update("\n".join(plain(line) for line in prop.trouble.split("\n")))
        self._trouble.display = bool(prop.trouble)
        self.query_one(Caption).display = not prop.trouble
        self._view.show(prop.rows, prop.first)

    def action_step(self, direction: int) -> None:
        steps = list(self._prop.steps)
        if not steps:
            return
        at = steps.index(self._prop.step) if self._prop.step in steps else -1 if direction > 0 else len(steps)
        if 0 <= at + direction < len(steps):
            self._ask(steps[at + direction])

    def action_previous(self) -> None:
        self._before = not self._before
        self._ask(self._prop.step)

    def action_copy(self) -> None:
        text = "\n".join(f"{SIGNS[row.kind]} {row.text}" for row in self._prop.rows if row.kind in (NEW, GONE))
        if text:
            self.post_message(TextScreen.CopyAsked(uncoloured(text)))

    def on_diff_view_change_reached(self, message: DiffView.ChangeReached) -> None:
        message.stop()
        where = f"change {message.number} of {message.count}" if message.count else "nothing differs"
        self._say(self._prop.sums, where)

    def on_diff_view_line_opened(self, message: DiffView.LineOpened) -> None:
        message.stop()
        self.dismiss(message.offset)

    def on_diff_view_fold_opened(self, message: DiffView.FoldOpened) -> None:
        message.stop()
        self.run_worker(self._unfold(message.fold), group="fold", exclusive=True)

    async def _unfold(self, fold: DiffRow) -> None:
        found = await self._read(fold.offset, fold.end)
        if self.is_attached:
            if found.trouble:
                self._say(found.trouble)
            self._view.unfold(fold, found.lines[: fold.count], found.size_bytes)
