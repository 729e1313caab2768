"""A page that is one list: filter as you type, marks for acting on many, enter to open."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from app.tui.page import Page
from widgets.columns import Column
from widgets.prompt import Prompt
from widgets.row_list import GUTTER, Row, RowList
from widgets.wrapping import wrap

FILTER = "/"


class ListPage(Page):
    """Subclasses say what the COLUMNS are, what stands there when there is nothing, and which rows there are."""

    COLUMNS: ClassVar[Sequence[Column]] = ()
    EMPTY: ClassVar[str] = "Nothing here yet."
    KEEPS_FILTER: ClassVar[bool] = True  # for the next time
    SOME: ClassVar[int] = 200  # rows that are fetched at once, of lists that go on
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/", priority=True, id="list.filter"),
        Binding("escape", "clear", "clear the filter and the marks", show=False, id="list.clear"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.wanted = self.SOME  # rows to fetch
        self.more = False  # are there older ones? `fetch` says so

    def body(self) -> ComposeResult:
        yield Prompt()
        yield RowList(self.COLUMNS, ascii=self.ui.ascii)

    def on_mount(self) -> None:
        if self.KEEPS_FILTER:
            self.list.filter = self.ui.prefs.get(f"{self.WORD}.filter", "")
        self.set_focus(self.list)

    @property
    def list(self) -> RowList:
        return self.query_one(RowList)

    def rows(self) -> Sequence[Row]:
        """Return what is in the list, of what was fetched."""
        raise NotImplementedError

    def present(self) -> None:
        self._say(self.EMPTY)
        self.list.show(self.rows())

    def show_frame(self) -> None:
        super().show_frame()
        if not self.fetched and self.stands:  # nobody knows that there is nothing: why not is what matters
            self._say("\n".join(wrap(self.ui.problem, self.size.width - 2 * GUTTER)))

    def _say(self, text: str) -> None:
        if self.list.empty != text:
            self.list.empty = text

    def aside(self) -> str:
        shown, all_ = self.list.count
        marked = f"{len(self.list.marks)} marked" if self.list.marks else ""
        filtered = f"/{self.list.filter} {shown} of {all_}" if self.list.filter else ""
        return "  ".join(part for part in (marked, filtered) if part)

    def chosen(self) -> tuple[Any, ...]:
        """Return the ids to act on: those marked, else that of the cursor."""
        if self.list.marks:
            return tuple(id for id in self.list.shown if id in self.list.marks)
        return () if self.list.cursor_id is None else (self.list.cursor_id,)

    def panes(self) -> tuple[Widget, ...]:
        return (self.list,)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed, keys are letters."""
        return not (action == "filter" and self.query_one(Prompt).is_open)

    def action_filter(self) -> None:
        self.query_one(Prompt).ask(FILTER, self.list.filter)

    def action_clear(self) -> None:
        if self.list.marks:
            self.list.unmark()
        elif self.list.filter:
            self._filter("")
        else:
            self.leave()
        self.show_frame()

    def leave(self) -> None:
        """Go back a level, where there is one."""
        if len(self.ui.screen_stack) > 1:
            self.dismiss(None)

    def only(self, text: str) -> None:
        """Show only the rows with these words."""
        self._filter(text)

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        self._filter(message.text)

    def on_prompt_left(self, _: Prompt.Left) -> None:
        self._filter("")

    def on_row_list_moved(self, message: RowList.Moved) -> None:
        """At the last row, fetch older ones."""
        self.show_frame()
        if self.more and message.id == (self.list.shown or (None,))[-1]:
            self.wanted += self.SOME
            self.look_again(at_once=True)

    def on_row_list_marked(self, _: RowList.Marked) -> None:
        self.show_frame()

    def _filter(self, text: str) -> None:
        self.list.filter = text
        if self.KEEPS_FILTER:
            self.ui.prefs.set(f"{self.WORD}.filter", text)
        self.show_frame()
