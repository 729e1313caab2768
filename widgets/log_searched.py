"""A log that is searched and filtered: what is found is marked, counted, gone to, or all that is shown."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from widgets.log_folded import FoldedLog
from widgets.log_folds import ChosenRows
from widgets.log_painter import find_nothing
from widgets.log_search import BadPattern, Found, Pattern, Search
from widgets.log_source import BLOCK, LogSource
from widgets.prompt import Prompt


class SearchedLog(FoldedLog):
    """At most one search and one filter at a time; both go on while the log grows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search", priority=True, id="log.search"),
        Binding("ampersand", "filter", "only lines that match", priority=True, id="log.filter"),
        Binding("n", "hit(1)", "next match", show=False, id="log.next"),
        Binding("N", "hit(-1)", "previous match", show=False, id="log.previous"),
        Binding("escape", "clear", "end search and filter", show=False, id="log.clear"),
        Binding("ctrl+r", "regex", "text or regular expression", show=False, priority=True, id="log.regex"),
    ]

    def __init__(self, *, ascii: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id, classes=classes)
        self._searching: Search | None = None
        self._filtering: Search | None = None
        self._is_regex = False
        self._seek: int | None = None
        self._waiting: list[Prompt.Done] = []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "regex":
            return self.prompt.is_open
        if action == "clear":
            return bool(self._searching or self._filtering or self.view.selected.chosen)
        if action in ("search", "filter"):
            return not isinstance(self.screen.focused, Input)
        return True

    def _stop(self) -> None:
        super()._stop()
        for search in (self._searching, self._filtering):
            if search:
                search.stop()
        self._searching = self._filtering = self._seek = None
        self._waiting.clear()
        self.view.mark(find_nothing)

    def grew(self) -> None:
        for search in (self._searching, self._filtering):
            if search:
                search.grow(self._lines.size)
        if self._counted:
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                self.on_prompt_done(done)

    # -- the prompt -------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self._ask("/")

    def action_filter(self) -> None:
        self._ask("&")

    def action_regex(self) -> None:
        """Take what is typed for a regular expression, or for plain text again."""
        self._is_regex = not self._is_regex
        self._ask(self.prompt.label[:1], self.prompt.text)
        self._try(self.prompt.text)

    def _ask(self, key: str, text: str = "") -> None:
        noun = "search" if key == "/" else "only lines with"
        self.prompt.ask(f"{key} {noun} {'regex' if self._is_regex else 'text'}: ", text)
        self._try(text)

    def _try(self, text: str) -> None:
        """Mark what is in view while the pattern is still typed."""
        pattern = self._pattern(text)
        self.view.mark(pattern.ranges if pattern else find_nothing)
        self.prompt.tell(self._note or f"ctrl+r: {'text' if self._is_regex else 'regex'}")

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        message.stop()
        self._try(message.text)

    def on_prompt_done(self, message: Prompt.Done) -> None:
        message.stop()
        if self._feed and not self._counted:  # which line is which is not known yet
            self._waiting.append(message)
            return
        pattern = self._pattern(message.text)
        if message.label.startswith("/"):
            self._end_search()
            if pattern and self.source:
                self._searching = self._begin(self.source, pattern)
                self._seek = self.view.place[0] - 1
        else:
            self._end_filter()
            if pattern and self.source:
                self._filtering = self._begin(self.source, pattern)
                self.view.show_rows(ChosenRows(()))
        self._mark()
        self.tell()

    def on_prompt_left(self, message: Prompt.Left) -> None:
        message.stop()
        self._note = ""
        self._mark()

    def _pattern(self, text: str) -> Pattern | None:
        self._note = ""
        try:
            return Pattern(text, self._is_regex) if text else None
        except BadPattern as error:
            self._note = f"no regex: {error}"
            return None

    def _begin(self, source: LogSource, pattern: Pattern) -> Search:
        block = self._lines.block_of(self.view.place[0])
        line = self._lines.lines_before(block)
        search = Search(source, pattern, self._lines.size, block * BLOCK, line, self.post_late)
        search.begin()
        return search

    # -- what is found ----------------------------------------------------------------------------------------------

    def on_found(self, found: Found) -> None:
        search = found.search
        if search not in (self._searching, self._filtering):
            return
        hits = search.hits
        hits.add(found.early, found.late)
        hits.done, hits.trouble = found.done, found.trouble
        if search is self._filtering and (found.early or found.late):
            self.view.show_rows(ChosenRows(hits.in_order()))
        if search is self._searching and self._seek is not None:
            hit = hits.after(self._seek, 1)
            if hit and (hits.done or not hit[1]):
                self._go_to(hit)
            if hits.done:
                self._seek = None
        self.tell()

    def action_hit(self, direction: int) -> None:
        search = self._searching or self._filtering
        if search is None:
            self.note("nothing is searched for yet: press /")
        elif hit := search.hits.after(self.view.place[0], direction):
            self._go_to(hit)

    def _go_to(self, hit: tuple[int, bool]) -> None:
        line, wrapped = hit
        self._seek = None
        self.reveal(line)
        self.view.go_to(line)
        self.note("from the other end" if wrapped else "")

    def action_fold(self) -> None:
        """In a filtered log, show all lines again, at this one."""
        if self._filtering is None:
            super().action_fold()
            return
        line = self.view.place[0]
        self._end_filter()
        self._mark()
        self.reveal(line)
        self.view.go_to(line, anew=True)
        self.tell()

    def action_clear(self) -> None:
        """End what was begun: a selection, else the filter, else the search."""
        self._note = ""
        if self.view.selected.chosen:
            self.screen.clear_selection()
        elif self._filtering:
            self._end_filter()
        else:
            self._end_search()
        self._mark()
        self.tell()

    def _mark(self) -> None:
        search = self._searching or self._filtering
        self.view.mark(search.pattern.ranges if search else find_nothing)

    def _end_search(self) -> None:
        if self._searching:
            self._searching.stop()
        self._searching = self._seek = None

    def _end_filter(self) -> None:
        if self._filtering:
            self._filtering.stop()
            self._filtering = None
            self.view.show_rows(self._folds)

    def _hits_text(self, search: Search | None, one: str, many: str) -> str:
        """Return such as `3/17 matches of 'error'`; what is still counted ends with dots."""
        if search is None:
            return ""
        hits, dots = search.hits, "" if search.hits.done else "…"
        if hits.trouble:
            return f"{search.pattern.text!r}: {hits.trouble}"
        at = hits.place(self.view.place[0] + 1)
        count = f"{at:,}/{len(hits):,}" if search is self._searching and at else f"{len(hits):,}"
        return f"{count}{dots} {one if len(hits) == 1 else many} of {search.pattern.text!r}"
