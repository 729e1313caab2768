"""How a row of a log is painted: pieces of text with styles, cut, wrapped and marked, at last one strip of cells."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from widgets.glyphs import look
from widgets.log_folds import Fold
from widgets.log_lines import Line
from widgets.log_source import LogStep
from widgets.log_text import shown
from widgets.safe_text import plain
from widgets.seconds import in_words
from widgets.sgr import PLAIN, spans
from widgets.status_styles import TOKENS

Piece = tuple[str, Style]


@dataclass(frozen=True, slots=True)
class Body:
    """The text of a row, without what stands before it. `note` is what is said of it behind it."""

    pieces: tuple[Piece, ...]
    text: str
    note: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Inks:
    """The styles of a theme. `kinds` by the mark of a line, `statuses` by the status of a step."""

    base: Style = PLAIN
    dim: Style = PLAIN
    title: Style = PLAIN
    match: Style = PLAIN
    cursor: Style = PLAIN
    kinds: dict[str, Style] = field(default_factory=dict)
    statuses: dict[str, Style] = field(default_factory=dict)
    ascii: bool = False

    @property
    def marker(self) -> str:
        """What stands before the row under the cursor."""
        return "> " if self.ascii else "▌ "

    def arrow(self, fold: Fold) -> str:
        """What tells whether a fold is open; a blank for one with nothing in it."""
        if not fold.body:
            return "  "
        return ("v " if fold.open else "> ") if self.ascii else ("▾ " if fold.open else "▸ ")


def inks_of(widget: Widget, ascii: bool) -> Inks:
    """Return the styles of the theme as it is by now, from a widget's component classes.

    They are without backgrounds, but for that of a match: a row has one of its own.
    """

    def ink(name: str) -> Style:
        style = widget.get_component_rich_style(name)
        return Style(color=style.color, bold=style.bold, italic=style.italic, reverse=style.reverse)

    dim, title = ink("dim"), ink("title")
    statuses = {status: ink(f"status--{status}") for status in TOKENS}
    kinds = {
        "error": statuses["failed"],
        "warning": statuses["retrying"],
        "notice": statuses["queued"],
        "command": statuses["running"],
        "debug": dim,
        "group": title,
        "section": title,
    }
    match = widget.get_component_rich_style("log--match")
    return Inks(widget.rich_style, dim, title, match, ink("log--marker"), kinds, statuses, ascii)


def line_body(line: Line, inks: Inks) -> Body:
    """Return what a line of the log shows."""
    kind, text = shown(line.data, cut=line.cut)
    ink = inks.kinds.get(kind, PLAIN)
    pieces = [(piece, ink + style if ink else style) for piece, style in spans(text)]
    more = f" {'...' if inks.ascii else '…'} +{size_text(line.length - len(line.data))}"
    note = ((more, inks.dim),) if line.cut else ()
    return Body(tuple(pieces), "".join(piece for piece, _ in pieces), note)


def step_body(fold: Fold, step: LogStep | None, inks: Inks) -> Body:
    """Return the head of a step: glyph, name, word, time; of a closed one how much is in it."""
    step = step or LogStep(fold.step, f"step {fold.step + 1}", "")
    face = look(step.status)
    ink = inks.statuses.get(step.status, inks.dim)
    pieces = [(f"{face.sign(inks.ascii)} ", ink)] if step.status else []
    pieces += [(plain(step.name) or f"step {fold.step + 1}", inks.title), (f"  {face.word}", ink)]
    if step.seconds is not None:
        pieces.append((f" {in_words(step.seconds)}", inks.dim))
    return Body(tuple(pieces), "".join(piece for piece, _ in pieces))


def fold_note(fold: Fold, inks: Inks) -> list[Piece]:
    """Return what a closed fold says of its content."""
    if fold.open or not fold.body:
        return []
    note = [(f"  {fold.body:,} line{'s' * (fold.body != 1)}", inks.dim)]
    if fold.errors:
        note.append((f" {look('failed').sign(inks.ascii)}{fold.errors}", inks.statuses.get("failed", PLAIN)))
    return note


def cut(pieces: Sequence[Piece], start: int, end: int) -> Iterator[Piece]:
    """Yield the pieces of the text from one character up to another."""
    at = 0
    for text, style in pieces:
        low, high = max(start - at, 0), min(end - at, len(text))
        if low < high:
            yield text[low:high], style
        at += len(text)
        if at >= end:
            return


def marked(pieces: Sequence[Piece], ranges: Sequence[tuple[int, int]], style: Style) -> list[Piece]:
    """Return the pieces with ranges of characters, in order, painted over with a style."""
    length = sum(len(text) for text, _ in pieces)
    found: list[Piece] = []
    at = 0
    for start, end in ranges:
        found += cut(pieces, at, start)
        found += [(text, old + style) for text, old in cut(pieces, start, end)]
        at = max(at, end)
    return found + list(cut(pieces, at, length))


def breaks(text: str, width: int) -> list[int]:
    """Return at which characters the screen rows of a wrapped text begin."""
    width = max(width, 1)
    if text.isascii():
        return list(range(0, max(1, len(text)), width))
    found, cells = [0], 0
    for at, character in enumerate(text):
        size = get_character_cell_size(character)
        if cells + size > width and at > found[-1]:
            found.append(at)
            cells = 0
        cells += size
    return found


def strip_of(
    lead: Sequence[Piece], body: Sequence[Piece], note: Sequence[Piece], x: int, width: int, base: Style, over: Style
) -> Strip:
    """Return a whole row: what stands before the body, the body from column `x` on, what is said of it.

    `over` is painted over the base. A body too wide leaves room for the note.
    """
    head, middle, tail = (
        Strip([Segment(text, base + over + style) for text, style in pieces]) for pieces in (lead, body, note)
    )
    room = max(0, width - head.cell_length - tail.cell_length)
    if x or middle.cell_length > room:
        middle = middle.crop(x, x + room)
    return Strip([*head, *middle, *tail]).adjust_cell_length(width, base + over)


def with_offsets(strip: Strip, lead: int, place: tuple[int, int], *, moves: bool = True) -> Strip:
    """Return the strip with, in its styles, which character of which line is where: for the mouse.

    `place` is that at the beginning of the text; in the `lead` before it, it is the one before, and in a row that is no
    line (`moves` False) everywhere the same.
    """
    at, line = place
    segments: list[Segment] = []
    column = 0
    for text, style, _ in strip:
        is_text = column >= lead and moves
        for part in (text,) if is_text else text:
            offset = Style.from_meta({"offset": (at if is_text or not moves else at - 1, line)})
            segments.append(Segment(part, style + offset if style else offset))
        at += len(text) * is_text
        column += cell_len(text)
    return Strip(segments, strip.cell_length)


def size_text(count: int) -> str:
    """Return a number of bytes as people read it."""
    if count < 1000:
        return f"{count} B"
    for unit in ("kB", "MB", "GB"):
        count_in, count = count / 1000, count // 1000
        if count < 1000:
            return f"{count_in:.1f} {unit}"
    return f"{count_in:.0f} GB"
