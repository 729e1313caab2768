"""Words in all logs: type them, see the lines that hold them, open the log at one."""

import shlex
from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.client import ApiError
from app.tui.list_page import ListPage
from app.tui.presenters import search as presenter
from app.tui.presenters.runs import has_several_repos
from engine.store.logs.words import words_of
from widgets.prompt import Prompt
from widgets.row_list import Row, RowList
from widgets.safe_text import plain

LIMIT = 200
LABEL = "words "
HOW = 'Lines that hold all words; "words in a row" in quotes, a * for any ending.\n/ asks for words.'


class SearchPage(ListPage):
    """Its prompt asks for words, where other lists filter their rows."""

    WORD = "Search"
    COLUMNS = presenter.COLUMNS
    EMPTY = HOW
    KEEPS_FILTER = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "words to look for", key_display="/", priority=True, id="list.filter"),
    ]

    def __init__(self, words: str = "") -> None:
        super().__init__()
        self.words = words
        self.hits: list[dict[str, Any]] = []
        self._note = ""
        self._refused = ""  # why these words cannot be looked for
        self._found = ""  # the words that the hits are of

    def on_mount(self) -> None:
        if not self.words:
            self.call_after_refresh(self.action_filter)

    def crumbs(self) -> tuple[str, ...]:
        return (self.WORD, self._found) if self._found else (self.WORD,)

    def aside(self) -> str:
        return "  ".join(part for part in (self._note, f"$ {self.twin}" if self._found else "") if part)

    async def fetch(self) -> None:
        if not self.words.strip():
            return
        words = self.words
        try:
            told = await self.ask(self.ui.session.client.get, "/search", {"q": words, "limit": LIMIT})
        except ApiError as error:
            if error.status not in (400, 422):
                raise
            self.hits, self._found, self._note, self._refused = [], words, "", str(error)
            return
        if words == self.words:
            self.hits, self._found, self._refused = told["hits"], words, ""
            self._note = presenter.note(told, LIMIT)

    def rows(self) -> Sequence[Row]:
        return presenter.hit_rows(self.hits)

    def present(self) -> None:
        nothing = f"No log of what has ended says that.\n{HOW}" if self._found and not self._note else HOW
        self.list.empty = plain(self._refused) or nothing
        columns = presenter.WITH_REPO if has_several_repos(self.hits) else presenter.COLUMNS
        if self.list.columns != columns:
            self.list.columns = columns
        self.list.show(self.rows())

    def action_filter(self) -> None:
        self.query_one(Prompt).ask(LABEL, self.words)

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        """Words are looked for when they are complete, and filter no rows."""
        message.prevent_default()

    def on_prompt_left(self, message: Prompt.Left) -> None:
        message.prevent_default()
        if not self._found:
            self.leave()

    def on_prompt_done(self, message: Prompt.Done) -> None:
        self.words = message.text
        self.look_again(at_once=True)

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        hit = self.hits[int(message.id)]
        self.ui.open_job(hit["run"], hit["job"], (hit["attempt"], hit["offset"]))

    @property
    def twin(self) -> str:
        """The command line that finds the same."""
        return shlex.join(["treadle", "search", *words_of(self._found)])


PAGE = SearchPage
