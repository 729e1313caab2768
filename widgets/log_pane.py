"""The log pane: one attempt's log, opened at once whatever its size, followed, folded, searched, copied."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.selection import Selection

from widgets.log_copy import Copy, CopyDone, gather
from widgets.log_painter import NO_END
from widgets.log_searched import SearchedLog
from widgets.log_source import BLOCK
from widgets.log_status import StatusProp
from widgets.log_view import LogView

Columns = tuple[int, int | None]


class LogPane(SearchedLog):
    """`show` a LogSource and its steps; `source` is what is shown, `step` the one that the cursor is in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "follow the end", id="log.follow"),
        Binding("e", "error(1)", "next error", id="log.next_error"),
        Binding("E", "error(-1)", "previous error", show=False, id="log.previous_error"),
        Binding("left_curly_bracket", "head(-1)", "previous step", show=False, id="log.previous_step"),
        Binding("right_curly_bracket", "head(1)", "next step", show=False, id="log.next_step"),
        Binding("t", "times", "when each line came", show=False, id="log.times"),
        Binding("w", "wrap", "wrap long lines", show=False, id="log.wrap"),
        Binding("y", "copy", "copy the line or selection", show=False, id="log.copy"),
        Binding("v", "range", "select lines from here on", show=False, id="log.range"),
        Binding("Y", "copy_step", "copy the whole step", show=False, id="log.copy_step"),
        Binding("s", "save", "save the log to a file", show=False, id="log.save"),
        Binding("o", "pager", "open the log in the pager", show=False, id="log.pager"),
        Binding("d", "compare", "compare it with a green one", show=False, id="log.compare"),
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

    class CompareAsked(Message):
        """What is shown is to be compared with what it looks like when all is well."""

    class PagerAsked(SaveAsked):
        """The log is to be shown by the pager, from `line` (the first is 1) on."""

        def __init__(self, step: int | None, line: int) -> None:
            super().__init__(step)
            self.line = line

    _paused_at: int | None = None
    _range_from: int | None = None
    _sought: int | None = None  # the byte to go to once its line is known

    # -- where to open it -------------------------------------------------------------------------------------------

    def go_to_byte(self, offset: int) -> None:
        """Put the cursor on the line that a byte of this log is in, as soon as it is known which that is."""
        self._sought = offset
        self._go_to_sought()

    def grew(self) -> None:
        super().grew()
        self._go_to_sought()

    def _stop(self) -> None:
        super()._stop()
        self._sought = None

    def _go_to_sought(self) -> None:
        if self._sought is None or not self._counted or self._sought >= self._lines.size:
            return
        offset, self._sought = self._sought, None
        marks = self._lines.marks
        line = next((mark.line for mark in marks if mark.offset == offset), None)
        if line is None and (line := self._lines.line_at(offset)) is None:  # the block that would tell is not here
            line = max((mark.line for mark in marks if mark.offset <= offset), default=0)
        self._end_filter()
        self.reveal(line)
        self.view.go_to(line, anew=True)

    # -- moving and modes -------------------------------------------------------------------------------------------

    def action_follow(self) -> None:
        """Follow the end, or stop to; of a log that has ended, go there."""
        if self.view.follow and not self._ended:
            self.view.follow = False
        else:
            self.view.move_to_end(True)
        self.tell()

    def action_error(self, direction: int) -> None:
        lines = sorted({mark.line for mark in self._lines.marks if mark.kind == "error"}, reverse=direction < 0)
        at = self.view.place[0]
        ahead = [line for line in lines if (line - at) * direction > 0]
        if lines:
            line = (ahead or lines)[0]
            self._end_filter()
            self.reveal(line)
            self.view.go_to(line)
        self.note("" if ahead else "from the other end" if lines else "no error is marked in this log")

    def action_head(self, direction: int) -> None:
        """Go to the head of the next step."""
        at, _ = self.view.place
        heads = [fold for fold in self._folds.folds if fold.is_step]
        around = self.step
        number = next((n for n, fold in enumerate(heads) if fold.step == around), None)
        if number is None:
            number = sum(fold.first <= at for fold in heads) - (direction > 0)
        elif direction < 0 and not self.view.cursor.is_step:
            number += 1
        if 0 <= number + direction < len(heads):
            head = heads[number + direction]
            self._end_filter()
            self.view.go_to(head.first, head.step)
        self.tell()

    def action_times(self) -> None:
        self.view.show_times(not self.view.painter.shows_times)
        self.tell()

    def action_wrap(self) -> None:
        self.view.set_wrap(not self.view.wraps)
        self.tell()

    # -- taking away ------------------------------------------------------------------------------------------------

    def action_range(self) -> None:
        """Select the lines from this one to wherever the cursor goes; again, or once they are copied: no longer."""
        if self._range_from is None:
            self._range_from = self.view.place[0]
            self._select_range()
        else:
            self.screen.clear_selection()

    def on_log_view_moved(self, message: LogView.Moved) -> None:
        super().on_log_view_moved(message)
        self._select_range()

    def _select_range(self) -> None:
        if self._range_from is not None:
            first, last = sorted((self._range_from, self.view.place[0]))
            self.view.select_lines(first, last)

    def on_log_view_unselected(self, message: LogView.Unselected) -> None:
        message.stop()
        self._range_from = None

    def action_copy(self) -> None:
        selection, row = self.view.selected.chosen, self.view.cursor
        if selection is not None:
            self._copy_selection(selection)
            if self._range_from is not None:
                self.screen.clear_selection()
        elif row.is_step:
            self.action_copy_step()
        else:
            self._copy([(row.line, row.line + 1)])

    def action_copy_step(self) -> None:
        """Copy all lines of the step that the cursor is in, also those in closed folds."""
        row = self.view.cursor
        fold = row.head if row.is_step else next(iter(self._folds.around(row.line)), None)
        first, end = (fold.first, fold.end) if fold is not None else (0, self._lines.count)
        ends_of_groups = [one.end - 1 for one in self._folds.folds if one.tail and first < one.end <= end]
        edges = [first, *(edge for line in sorted(ends_of_groups) for edge in (line, line + 1)), end]
        self._copy([(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b])

    def on_log_view_selected(self, message: LogView.Selected) -> None:
        message.stop()
        self._copy_selection(message.selection)

    def _copy_selection(self, selection: Selection) -> None:
        if selection.start is None or selection.end is None:
            return
        (start, first), (end, last) = selection.start, selection.end
        if start == NO_END:  # behind the line: at the head of a step
            start, first = 0, first + 1
        ranges = self.view.rows.lines(first, last)
        if ranges:
            starts, ends = ranges[0][0] == first, ranges[-1][1] == last + 1
            self._copy(ranges, (start if starts else 0, end if ends else None), selection)

    def _copy(
        self, ranges: list[tuple[int, int]], columns: Columns = (0, None), selection: Selection | None = None
    ) -> None:
        if self.source is None or not ranges or not self._counted:
            return
        block = self._lines.block_of(ranges[0][0])
        end = min((self._lines.block_of(ranges[-1][1]) + 1) * BLOCK, self._lines.size)
        copy = Copy(ranges, block * BLOCK, self._lines.lines_before(block), end, *columns, selection)
        gather(self.source, copy, self.post_late)

    def on_copy_done(self, done: CopyDone) -> None:
        if done.copy.selection is not None:
            self.view.selected.gathered(done.copy.selection, done.text)
        if done.lines:
            self.post_message(self.Copied(done.text, done.lines, cut=done.cut))
        copied = f"copied {done.lines:,} line{'s' * (done.lines != 1)}{', the first ones' if done.cut else ''}"
        self.note(done.trouble or (copied if done.lines else "there is nothing to copy"))

    def action_save(self) -> None:
        self.post_message(self.SaveAsked(self.step))

    def action_compare(self) -> None:
        self.post_message(self.CompareAsked())

    def action_pager(self) -> None:
        self.post_message(self.PagerAsked(self.step, self.view.place[0] + 1))

    # -- the status row ---------------------------------------------------------------------------------------------

    def tell(self) -> None:
        view, count = self.view, self._lines.count
        if view.follow or self._ended or not self._counted:
            self._paused_at = None
        elif self._paused_at is None:
            self._paused_at = count
        modes = (("wrap", view.wraps), ("times", view.painter.shows_times))
        self._status.show(
            StatusProp(
                follows=None if self._ended else view.follow,
                there=self.source is not None,
                more=0 if self._paused_at is None else max(0, count - self._paused_at),
                line=min(view.place[0] + 1, count),
                lines=count,
                counted=self._counted,
                search=self._hits_text(self._searching, "match", "matches"),
                filter=self._hits_text(self._filtering, "line", "lines"),
                modes=tuple(word for word, on in modes if on),
                trouble=self._trouble,
                note=self._note,
            )
        )
