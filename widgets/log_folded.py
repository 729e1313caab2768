"""A log on the screen as it comes from its source: its end first, then as it grows, in folds."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from widgets.log_feed import PACE_S, Fetched, Grown, LogFeed, Troubled
from widgets.log_folds import FoldedRows
from widgets.log_lines import LogLines
from widgets.log_open import OpenFolds
from widgets.log_source import BLOCK, LogSource, LogStep
from widgets.log_status import LogStatus
from widgets.log_view import LogView
from widgets.prompt import Prompt

TIMES_BLOCKS = 64
UNFOCUSED_PACE_S = 0.2


class FoldedLog(Vertical):
    """The lines of one log, read by threads of its own; `show` is all that it needs to be told.

    A log that still grows is followed; one that has ended opens at its first error if a step failed, else at its end.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "fold", "open or close the fold", show=False, id="log.fold"),
        Binding("plus,equals_sign", "level(1)", "open more folds", show=False, id="log.open"),
        Binding("minus", "level(-1)", "close more folds", show=False, id="log.close"),
    ]

    def __init__(self, *, ascii: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.view = LogView(ascii=ascii)
        self.prompt = Prompt()
        self.source: LogSource | None = None
        self.steps: tuple[LogStep, ...] = ()
        self._status = LogStatus()
        self._feed: LogFeed | None = None
        self._lines = LogLines()
        self._folds = FoldedRows()
        self._open = OpenFolds()
        self._ended = self._counted = False
        self._trouble = self._note = ""
        self._noted_at: tuple[int, int | None] = (0, None)
        self._left_at: tuple[int, int | None] | None = None  # where the cursor was put when the log had ended

    def compose(self) -> ComposeResult:
        yield from (self.view, self.prompt, self._status)

    def on_mount(self) -> None:
        self.view.fetch = self._fetch
        self.tell()

    def on_unmount(self) -> None:
        self._stop()

    def focus(self, scroll_visible: bool = True) -> "FoldedLog":
        self.view.focus(scroll_visible)
        return self

    def show(self, source: LogSource | None, steps: tuple[LogStep, ...] = ()) -> None:
        """Show a log, from anew if it is not the one shown; `steps` as they are by now, with their names and times."""
        if source is not self.source:
            self._restart(source)
        if steps != self.steps:
            before = [(step.index, step.status) for step in self.steps]
            self.steps = steps
            self.view.show_steps(steps)
            if self._counted and before != [(step.index, step.status) for step in steps]:
                is_untouched = self._left_at == self.view.place
                self._find_folds()
                if is_untouched:  # how the steps ended is known only now
                    self._open_at_the_point()
        self.tell()

    @property
    def step(self) -> int | None:
        """The step that the cursor is in."""
        row = self.view.cursor
        fold = row.head if row.is_step else next(iter(self._folds.around(row.line)), None)
        return fold.step if fold is not None and fold.step >= 0 else None

    def tell(self) -> None:
        """Say in the status row how things are."""

    def post_late(self, message: Message) -> None:
        """Post a message from a thread, which may come to it when all is over."""
        try:
            self.post_message(message)
        except RuntimeError:
            pass  # the event loop is closed: nobody listens any more

    def note(self, note: str) -> None:
        """Say something once: until the cursor is elsewhere."""
        self._note, self._noted_at = note, self.view.place
        self.tell()

    def on_log_view_moved(self, message: LogView.Moved) -> None:
        message.stop()
        if self.view.place != self._noted_at:
            self._note = ""
        self._fetch_around()
        self.tell()

    # -- what comes from the source ---------------------------------------------------------------------------------

    def _restart(self, source: LogSource | None) -> None:
        self._stop()
        self.source, self.steps = source, ()
        self._lines, self._folds, self._open = LogLines(), FoldedRows(), OpenFolds()
        self._ended = self._counted = False
        self._trouble = self._note = ""
        self._left_at = None
        self.view.follow = source is not None
        self.view.reset(self._lines, self._folds)
        if source is not None:
            self._feed = LogFeed(source, self.post_late)
            self._feed.start()

    def _stop(self) -> None:
        if self._feed:
            self._feed.stop()
        self._feed = None

    def on_grown(self, news: Grown) -> None:
        if news.feed is not self._feed:
            return
        part, lines, view = news.part, self._lines, self.view
        is_whole, start = part.start == 0 and not self._counted, lines.start
        marks_changed = lines.grow(part, news.tail)
        if is_whole and start:  # its end was shown before its beginning was known
            line, step = view.place
            view.set_place(line + lines.lines_before(start // BLOCK), step)
        for block in [block for block in view.painter.times if block >= part.start // BLOCK]:
            del view.painter.times[block]
        is_end, was_at_end = part.ended and not self._ended, view.follow
        self._ended, self._counted = part.ended, self._counted or is_whole
        if marks_changed or is_whole or is_end or not self._counted:
            self._find_folds()
        else:
            self._folds.grow(lines.count)
            if view.rows is self._folds:
                view.grown()
        if is_end:
            view.follow = False
            if was_at_end:
                self._open_at_the_point()
        self.grew()
        self.tell()

    def grew(self) -> None:
        """The lines are more than before."""

    def on_fetched(self, news: Fetched) -> None:
        if news.feed is self._feed:
            for number, data in news.blocks.items():
                self._lines.put(number, data)
            times = self.view.painter.times
            if len(times) > TIMES_BLOCKS:
                times.clear()
            times.update(news.times)
            if news.times:
                self.view.painter.forget()
            self.view.refresh()

    def on_troubled(self, news: Troubled) -> None:
        if news.feed is self._feed:
            self._trouble = news.why
            self.tell()

    def _fetch(self, blocks: set[int], are_times: bool) -> None:
        if self._feed:
            self._feed.want(blocks, times=are_times)

    def _fetch_around(self) -> None:
        """Have the blocks next to the cursor's fetched, so that scrolling need not wait for them."""
        if self._feed and self._counted:
            block = self._lines.block_of(self.view.place[0])
            near = {number for number in (block - 1, block + 1) if 0 <= number * BLOCK < self._lines.size}
            self._feed.want({number for number in near if not self._lines.has(number)})

    def on_descendant_focus(self) -> None:
        if self._feed:
            self._feed.pace_s = PACE_S

    def on_descendant_blur(self) -> None:
        if self._feed:
            self._feed.pace_s = UNFOCUSED_PACE_S

    def _open_at_the_point(self) -> None:
        """Go to where a step failed: the first error there, else its last line; without any, to the log's end."""
        failed = {step.index for step in self.steps if step.status in ("failed", "timed_out")}
        for fold in self._folds.folds:
            if fold.is_step and fold.step in failed and fold.body:
                errors = (mark.line for mark in self._lines.marks if mark.kind == "error")
                point = next((line for line in errors if fold.first <= line < fold.end), fold.end - 1)
                self.reveal(point)
                self.view.go_to(point, share=0.7)
                break
        else:
            self.view.to_end()
        self._left_at = self.view.place

    # -- folds ------------------------------------------------------------------------------------------------------

    def _find_folds(self) -> None:
        open_before = {fold.key for fold in self._folds.folds if fold.open}
        self._folds.build(self._lines.count, self._lines.marks, self.steps, ended=self._ended)
        self._open.learn(self._folds.folds, self.steps, ended=self._ended)
        if not self.view.follow:
            self._open.keep(self._folds.folds, open_before)
        self._arrange()

    def _arrange(self) -> None:
        self._folds.arrange(self._open)
        if self.view.rows is self._folds:
            self.view.arranged()

    def reveal(self, line: int) -> None:
        """Open the folds that a line is hidden in."""
        closed = [fold for fold in self._folds.around(line) if not fold.open and (fold.is_step or fold.first != line)]
        for fold in closed:
            self._open.say(fold, True)
        if closed:
            self._arrange()

    def action_fold(self) -> None:
        """Open or close the fold whose head the cursor is on, else close the one that it is in."""
        row = self.view.cursor
        fold = row.head or next(reversed(self._folds.around(row.line)), None)
        if fold is not None:
            self._open.say(fold, not fold.open)
            self.view.set_place(fold.first, fold.step if fold.is_step else None)
            self._arrange()
            self.tell()

    def on_log_view_folded(self, message: LogView.Folded) -> None:
        message.stop()
        self.action_fold()

    def action_level(self, change: int) -> None:
        level, deepest = self._open.change_level(change, self._folds.folds)
        self._arrange()
        self.note(f"folds open to level {level} of {deepest}")
