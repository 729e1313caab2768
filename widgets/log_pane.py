"""The log of one attempt: opened at its end at once, followed, folded by steps and groups, searched, copied."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.selection import Selection
from textual.widgets import Input

from widgets.log_copy import Copy, CopyDone, gather
from widgets.log_feed import PACE_S, Fetched, Grown, LogFeed, Troubled
from widgets.log_folds import OPEN, ChosenRows, Fold, FoldedRows
from widgets.log_lines import LogLines
from widgets.log_search import BadPattern, Found, Pattern, Search
from widgets.log_source import BLOCK, LogSource, LogStep
from widgets.log_status import LogStatus, StatusProp
from widgets.log_view import LogView, find_nothing
from widgets.prompt import Prompt

TIMES_BLOCKS = 64
UNFOCUSED_PACE_S = 0.2


class LogPane(Vertical):
    """Shows one log, read through a LogSource by threads of its own. `show` is all that it needs to be told.

    A log that still grows is followed; one that has ended opens at its first error if a step failed, else at its end.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search", priority=True, id="log.search"),
        Binding("ampersand", "filter", "only lines that match", priority=True, id="log.filter"),
        Binding("n", "hit(1)", "next match", show=False, id="log.next"),
        Binding("N", "hit(-1)", "previous match", show=False, id="log.previous"),
        Binding("f", "follow", "follow the end", id="log.follow"),
        Binding("e", "error(1)", "next error", id="log.next_error"),
        Binding("E", "error(-1)", "previous error", show=False, id="log.previous_error"),
        Binding("enter", "fold", "open or close the fold", show=False, id="log.fold"),
        Binding("plus,equals_sign", "level(1)", "open more folds", show=False, id="log.open"),
        Binding("minus", "level(-1)", "close more folds", show=False, id="log.close"),
        Binding("t", "times", "when each line came", show=False, id="log.times"),
        Binding("w", "wrap", "wrap long lines", show=False, id="log.wrap"),
        Binding("y", "copy", "copy the line or what is selected", show=False, id="log.copy"),
        Binding("Y", "copy_step", "copy the whole step", show=False, id="log.copy_step"),
        Binding("s", "save", "save the log to a file", show=False, id="log.save"),
        Binding("o", "pager", "open the log in the pager", show=False, id="log.pager"),
        Binding("escape", "clear", "end search and filter", show=False, id="log.clear"),
        Binding("ctrl+r", "regex", "text or regular expression", show=False, priority=True, id="log.regex"),
    ]
    DEFAULT_CSS = "LogPane { height: 1fr; width: 1fr; }"

    class Copied(Message):
        """Text for the clipboard, and how many lines it has. `cut`: there was more than fits."""

        def __init__(self, text: str, lines: int, *, cut: bool = False) -> None:
            super().__init__()
            self.text, self.lines, self.cut = text, lines, cut

    class SaveAsked(Message):
        """The log is to be saved; the cursor is in `step`, if in any."""

        def __init__(self, step: int | None) -> None:
            super().__init__()
            self.step = step

    class PagerAsked(SaveAsked):
        """The log is to be shown by the pager, from `line` (the first is 1) on."""

        def __init__(self, step: int | None, line: int) -> None:
            super().__init__(step)
            self.line = line

    def __init__(self, *, ascii: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.view = LogView(ascii=ascii)
        self.prompt = Prompt()
        self._status = LogStatus()
        self._folds = FoldedRows()
        self._lines = LogLines()
        self._source: LogSource | None = None
        self._feed: LogFeed | None = None
        self._steps: tuple[LogStep, ...] = ()
        self._opened: dict[tuple[str, int], bool] = {}
        self._level: int | None = None
        self._ended = self._counted = False
        self._searching: Search | None = None
        self._filtering: Search | None = None
        self._is_regex = False
        self._seek: int | None = None
        self._paused_at: int | None = None
        self._last: tuple[str, int] | None = None
        self._trouble = self._note = ""

    def compose(self) -> ComposeResult:
        yield from (self.view, self.prompt, self._status)

    def on_mount(self) -> None:
        self.view.fetch = self._fetch
        self._tell()

    def on_unmount(self) -> None:
        self._stop()

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show(self, source: LogSource | None, steps: tuple[LogStep, ...] = ()) -> None:
        """Show a log, from anew if it is not the one shown; `steps` as they are by now, with their names and times."""
        if source is not self._source:
            self._restart(source)
        if steps != self._steps:
            shape = [(step.index, step.status) for step in self._steps]
            self._steps = steps
            self.view.steps = {step.index: step for step in steps}
            if shape != [(step.index, step.status) for step in steps] and self._counted:
                self._rebuild()
            self.view.heads_changed()
        self._tell()

    def focus(self, scroll_visible: bool = True) -> "LogPane":
        self.view.focus(scroll_visible)
        return self

    @property
    def source(self) -> LogSource | None:
        return self._source

    @property
    def step(self) -> int | None:
        """The step that the cursor is in."""
        row = self.view.cursor
        around = [row.head] if row.is_step and row.head else self._folds.around(row.line)
        return around[0].step if around and around[0].step >= 0 else None

    def _restart(self, source: LogSource | None) -> None:
        self._stop()
        self._source = source
        self._lines, self._folds, self._steps = LogLines(), FoldedRows(), ()
        self._opened, self._level = {}, None
        self._ended = self._counted = False
        self._seek, self._paused_at = None, None
        self._trouble = self._note = ""
        self.view.steps = {}
        self.view.follow = source is not None
        self.view.reset(self._lines, self._folds)
        if source is not None:
            self._feed = LogFeed(source, self.post_message)
            self._feed.start()

    def _stop(self) -> None:
        if self._feed:
            self._feed.stop()
        for search in (self._searching, self._filtering):
            if search:
                search.stop()
        self._feed = self._searching = self._filtering = None
        self.view.set_find(find_nothing)

    def on_grown(self, news: Grown) -> None:
        if news.feed is not self._feed:
            return
        part, lines, view = news.part, self._lines, self.view
        opening, start, count = not self._counted and part.start == 0, lines.start, lines.count
        marks_changed = lines.grow(part, news.tail)
        if opening and start and count:  # its end was shown before its beginning was known
            line, step = view.place
            view.move_place(line + lines.lines_before(start // BLOCK), step)
        for block in [block for block in view.times if block >= part.start // BLOCK]:
            del view.times[block]
        over = part.ended and not self._ended
        self._ended = part.ended
        self._counted = self._counted or part.start == 0
        if marks_changed or opening or over or not self._counted:
            self._rebuild()
        else:
            self._folds.grow(lines.count)
            if view.rows is self._folds:
                view.grown()
        for search in (self._searching, self._filtering):
            if search:
                search.grow(lines.size)
        if opening and part.ended:
            self._open_at_the_point()
        self._tell()

    def on_fetched(self, news: Fetched) -> None:
        if news.feed is self._feed:
            for number, data in news.blocks.items():
                self._lines.put(number, data)
            if len(self.view.times) > TIMES_BLOCKS:
                self.view.times.clear()
            self.view.times.update(news.times)
            self.view.loaded()

    def on_troubled(self, news: Troubled) -> None:
        if news.feed is self._feed:
            self._trouble = news.why
            self._tell()

    def _fetch(self, blocks: set[int], times: bool) -> None:
        if self._feed:
            self._feed.want(blocks, times=times)

    def _open_at_the_point(self) -> None:
        """A log that has ended opens where a step failed: at the first error there, else at its last line."""
        self.view.follow = False
        failed = {step.index for step in self._steps if step.status in ("failed", "timed_out")}
        for fold in self._folds.folds:
            if fold.is_step and fold.step in failed and fold.body:
                errors = (mark.line for mark in self._lines.marks if mark.kind == "error")
                point = next((line for line in errors if fold.first <= line < fold.end), fold.end - 1)
                self._reveal(point)
                self.view.go_to(point, share=0.7)
                return
        self.view.to_end()

    # -- folds ------------------------------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        lines = self._lines
        before = {fold.key for fold in self._folds.folds if fold.open}
        self._folds.build(lines.count, lines.marks, self._steps, ended=self._ended)
        if not self.view.follow:  # what one reads stays open, whatever becomes of it
            self._last = self._last_step()
            for fold in self._folds.folds:
                if fold.key in before and not self._is_open(fold):
                    self._opened[fold.key] = True
        self._arrange()

    def _arrange(self) -> None:
        self._last = self._last_step()
        self._folds.arrange(self._is_open)
        if self.view.rows is self._folds:
            self.view.arranged()

    def _is_open(self, fold: Fold) -> bool:
        """By its user, else by the level, else: a step that runs or failed, the last one, a group with an error."""
        if (said := self._opened.get(fold.key)) is not None:
            return said
        if self._level is not None:
            return fold.depth < self._level
        if fold.is_step:
            step = self.view.steps.get(fold.step)
            return fold.key == self._last or (step is not None and step.status in OPEN)
        return not fold.ended or fold.errors > 0

    def _last_step(self) -> tuple[str, int] | None:
        """Return the step that the log ends with, unless others are to be seen."""
        if self._ended and any(step.status in OPEN for step in self._steps):
            return None
        return next((fold.key for fold in reversed(self._folds.folds) if fold.is_step and fold.body), None)

    def _reveal(self, line: int) -> None:
        closed = [fold for fold in self._folds.around(line) if not fold.open and (fold.is_step or fold.first != line)]
        if closed:
            self._opened.update((fold.key, True) for fold in closed)
            self._arrange()

    def action_fold(self) -> None:
        row = self.view.cursor
        if self._filtering:
            self._end_filter()
            self._reveal(row.line)
            self.view.go_to(row.line)
            return
        around = [row.head] if row.head else self._folds.around(row.line)[-1:]
        for fold in around:
            self._opened[fold.key] = not fold.open
            self.view.move_place(fold.first, fold.step if fold.is_step else None)
            self._arrange()
        self._tell()

    def on_log_view_folded(self, message: LogView.Folded) -> None:
        message.stop()
        self.action_fold()

    def action_level(self, change: int) -> None:
        deepest = max((fold.depth for fold in self._folds.folds), default=-1) + 1
        self._level = max(0, min((1 if self._level is None else self._level) + change, deepest))
        self._opened.clear()
        self._note = f"folds open to level {self._level} of {deepest}"
        self._arrange()
        self._tell()

    # -- search and filter ------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self._ask("/")

    def action_filter(self) -> None:
        self._ask("&")

    def action_regex(self) -> None:
        self._is_regex = not self._is_regex
        self._ask(self.prompt.label[:1], self.prompt.text)
        self.on_prompt_changed(Prompt.Changed(self.prompt.text, self.prompt.label))

    def _ask(self, key: str, text: str = "") -> None:
        noun = "search" if key == "/" else "only lines with"
        self.prompt.ask(f"{key} {noun} {'regex' if self._is_regex else 'text'}: ", text)
        self.prompt.tell(f"ctrl+r {'text' if self._is_regex else 'regex'}")

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        message.stop()
        pattern = self._pattern(message.text)
        self.view.set_find(pattern.ranges if pattern else find_nothing)
        self.prompt.tell(self._note or f"ctrl+r {'text' if self._is_regex else 'regex'}")

    def on_prompt_done(self, message: Prompt.Done) -> None:
        message.stop()
        is_search = message.label.startswith("/")
        pattern = self._pattern(message.text)
        if is_search:
            self._end_search()
            if pattern:
                self._searching = self._begin(pattern)
                self._seek = self.view.place[0] - 1
        else:
            self._end_filter()
            if pattern:
                self._filtering = self._begin(pattern)
                self.view.show_rows(ChosenRows(()))
        self._mark()
        self._tell()

    def on_prompt_left(self, message: Prompt.Left) -> None:
        message.stop()
        self._note = ""
        self._mark()

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
                self._seek = None
                self._go_to_hit(hit)
            elif hits.done:
                self._seek = None
        self._tell()

    def action_hit(self, direction: int) -> None:
        search = self._searching or self._filtering
        hit = search.hits.after(self.view.place[0], direction) if search else None
        if hit:
            self._go_to_hit(hit)
        elif search is None:
            self._note = "nothing is searched for: / does"
        self._tell()

    def _go_to_hit(self, hit: tuple[int, bool]) -> None:
        line, wrapped = hit
        self._note = "round the end" if wrapped else ""
        self._reveal(line)
        self.view.go_to(line)

    def _pattern(self, text: str) -> Pattern | None:
        self._note = ""
        if not text:
            return None
        try:
            return Pattern(text, self._is_regex)
        except BadPattern as error:
            self._note = f"no regex: {error}"
            return None

    def _begin(self, pattern: Pattern) -> Search | None:
        if self._source is None:
            return None
        block = self._lines.block_of(self.view.place[0])
        start, line = block * BLOCK, self._lines.lines_before(block)
        search = Search(self._source, pattern, self._lines.size, start, line, self.post_message)
        search.begin()
        return search

    def _mark(self) -> None:
        search = self._searching or self._filtering
        self.view.set_find(search.pattern.ranges if search else find_nothing)

    def _end_search(self) -> None:
        if self._searching:
            self._searching.stop()
        self._searching = self._seek = None

    def _end_filter(self) -> None:
        if self._filtering:
            self._filtering.stop()
            self._filtering = None
            self.view.show_rows(self._folds)

    def action_clear(self) -> None:
        """End the last begun of what can be ended: a selection, the filter, the search."""
        self._note = ""
        if self.view.text_selection:
            self.screen.clear_selection()
        elif self._filtering:
            self._end_filter()
        else:
            self._end_search()
        self._mark()
        self._tell()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "regex":
            return self.prompt.is_open
        if action == "clear":
            return bool(self._searching or self._filtering or self.view.text_selection)
        if action in ("search", "filter"):
            return not isinstance(self.screen.focused, Input)
        return True

    # -- moving and modes -------------------------------------------------------------------------------------------

    def action_follow(self) -> None:
        self.view.move_to_end(True) if not self.view.follow or self._ended else self._pause()
        self._tell()

    def _pause(self) -> None:
        self.view.follow = False

    def action_error(self, direction: int) -> None:
        lines = [mark.line for mark in self._lines.marks if mark.kind == "error"]
        at = self.view.place[0]
        ahead = [line for line in lines if (line > at if direction > 0 else line < at)]
        if not lines:
            self._note = "no error is marked in this log"
        else:
            self._end_filter()
            ends = (lines[0], lines[-1])[::direction]
            line = ahead[::direction][0] if ahead else ends[0]
            self._note = "" if ahead else "round the end"
            self._reveal(line)
            self.view.go_to(line)
        self._tell()

    def action_times(self) -> None:
        self.view.shows_times = not self.view.shows_times
        self.view.changed()
        self._tell()

    def action_wrap(self) -> None:
        self.view.set_wrap(not self.view.wraps)
        self._tell()

    def on_log_view_moved(self, message: LogView.Moved) -> None:
        message.stop()
        self._note = ""
        if self._feed and self._counted:
            block = self._lines.block_of(self.view.place[0])
            near = {number for number in (block - 1, block + 1) if 0 <= number * BLOCK < self._lines.size}
            self._feed.want({number for number in near if not self._lines.has(number)})
        self._tell()

    def on_descendant_focus(self) -> None:
        if self._feed:
            self._feed.pace_s = PACE_S

    def on_descendant_blur(self) -> None:
        if self._feed:
            self._feed.pace_s = UNFOCUSED_PACE_S

    # -- taking away ------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        selection = self.view.text_selection
        if selection is not None:
            self._copy_selection(selection)
        elif self.view.cursor.is_step:
            self._copy(self._step_ranges())
        else:
            line = self.view.cursor.line
            self._copy([(line, line + 1)])

    def action_copy_step(self) -> None:
        self._copy(self._step_ranges())

    def on_log_view_selected(self, message: LogView.Selected) -> None:
        message.stop()
        self._copy_selection(message.selection)

    def _copy_selection(self, selection: Selection) -> None:
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self._lines.count - 1
        ranges = self.view.rows.lines(first, last)
        columns = selection.start.x if selection.start else 0, selection.end.x if selection.end else None
        self._copy(ranges, columns if ranges and ranges[0][0] == first else (0, columns[1]), selection)

    def _copy(
        self,
        ranges: list[tuple[int, int]],
        columns: tuple[int, int | None] = (0, None),
        selection: Selection | None = None,
    ) -> None:
        if self._source is None or not ranges:
            return
        block = self._lines.block_of(ranges[0][0])
        end = min((self._lines.block_of(ranges[-1][1]) + 1) * BLOCK, self._lines.size)
        copy = Copy(ranges, block * BLOCK, self._lines.lines_before(block), end, *columns, selection)
        gather(self._source, copy, self.post_message)

    def _step_ranges(self) -> list[tuple[int, int]]:
        """Return the lines of the step that the cursor is in, without those that only end a group."""
        row = self.view.cursor
        around = [row.head] if row.head and row.is_step else self._folds.around(row.line)[:1]
        if not around:
            return [(0, self._lines.count)]
        first, end = around[0].first, around[0].end
        tails = sorted(fold.end - 1 for fold in self._folds.folds if fold.tail and first <= fold.first < end)
        edges = [first, *(edge for tail in tails for edge in (tail, tail + 1)), end]
        return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]

    def on_copy_done(self, done: CopyDone) -> None:
        if done.copy.selection is not None:
            self.view.selected_text = done.copy.selection, done.text
        if done.trouble:
            self._trouble = done.trouble
        elif done.lines:
            self._note = f"copied {done.lines:,} line{'s' * (done.lines != 1)}{', the first ones' if done.cut else ''}"
            self.post_message(self.Copied(done.text, done.lines, cut=done.cut))
        self._tell()

    def action_save(self) -> None:
        self.post_message(self.SaveAsked(self.step))

    def action_pager(self) -> None:
        self.post_message(self.PagerAsked(self.step, self.view.place[0] + 1))

    # -- the status row ---------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        view, lines = self.view, self._lines
        if view.follow or self._ended:
            self._paused_at = None
        elif self._paused_at is None:
            self._paused_at = lines.count
        self._status.show(
            StatusProp(
                follows=None if self._ended or self._source is None else view.follow,
                more=lines.count - self._paused_at if self._paused_at is not None else 0,
                line=min(view.place[0] + 1, lines.count),
                lines=lines.count,
                counted=self._counted,
                search=self._hits_text(self._searching, "match", "matches"),
                filter=self._hits_text(self._filtering, "line", "lines"),
                modes=tuple(word for word, on in (("wrap", view.wraps), ("times", view.shows_times)) if on),
                trouble=self._trouble,
                note=self._note,
            )
        )

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
