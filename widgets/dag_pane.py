"""The pane of a run's job graph: drawn where it fits, else as an outline; live, and lit around the cursor.

A change of status or note repaints that node's cells. Only a new shape (jobs, needs, names, folds, a member of a
matrix that failed) or a new width lays the graph out again.
"""

from collections.abc import Iterable
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from widgets.dag_job import BROKEN, DagJob
from widgets.dag_layout import graph
from widgets.dag_lines import Kin, Kinship, line_runs
from widgets.dag_outline import outline
from widgets.dag_picture import Picture
from widgets.dag_text import spans
from widgets.dag_walk import across, along, at, to_end
from widgets.motions import Motions
from widgets.status_styles import StatusStyles

__all__ = ["DagJob", "DagPane"]

Form: TypeAlias = Literal["auto", "graph", "outline"]

NARROW = 84
"""Below this a pane is an outline whatever would fit: it has a terminal of 80 columns to itself, or shares one."""

MOVING = ("running", "retrying")


class _Shape(NamedTuple):
    """What of a job decides where it stands."""

    id: int
    key: str
    name: str
    needs: tuple[int, ...]
    group: str | None
    pulled: bool

    @classmethod
    def of(cls, job: DagJob) -> "_Shape":
        return cls(job.id, job.key, job.name, job.needs, job.group, job.group is not None and job.status in BROKEN)


class DagPane(StatusStyles, Motions, ScrollView, can_focus=True):
    """Shows jobs as a graph. Arrows and hjkl walk it: left to a need, right to a dependent, up and down beside."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", id="dag.open"),
        Binding("space", "fold", "fold", id="dag.fold"),
        Binding("v", "form", "draw a graph or an outline", show=False, id="dag.form"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"dag--line", "dag--lit", "dag--name", "dag--critical", "dag--late"}
    DEFAULT_CSS = """
    DagPane { height: 1fr; overflow: auto; scrollbar-size: 1 1; }
    DagPane > .dag--line { color: $text-muted; }
    DagPane > .dag--lit { color: $text-accent; text-style: bold; }
    DagPane > .dag--name { color: $foreground; }
    DagPane > .dag--critical { color: $text-accent; text-style: bold; }
    DagPane > .dag--late { color: $text-warning; text-style: bold; }
    """

    class Selected(Message):
        """The cursor moved to a job, or to a matrix of which `job_id` is the member to look at first."""

        def __init__(self, job_id: int) -> None:
            self.job_id = job_id
            super().__init__()

    class Opened(Message):
        """The job was chosen by enter or a double click."""

        def __init__(self, job_id: int) -> None:
            self.job_id = job_id
            super().__init__()

    class Folded(Message):
        """Someone unfolded a matrix or folded one: `opened` are the groups that are unfolded now."""

        def __init__(self, opened: frozenset[str]) -> None:
            self.opened = opened
            super().__init__()

    ascii: reactive[bool] = reactive(False, init=False)
    form: reactive[Form] = reactive("auto", init=False)
    opened: reactive[frozenset[str]] = reactive(frozenset[str](), init=False)
    """The groups of the matrices that are unfolded."""

    def __init__(self, *, ascii: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(DagPane.ascii, ascii)
        self._jobs: dict[int, DagJob] = {}
        self._width = 0
        self._selected: int | None = None
        self._seen_running: int | None = None
        self._strips: dict[int, Strip] = {}
        self._take(Picture.blank())

    # What is shown

    def show(self, jobs: Iterable[DagJob]) -> None:
        """Show these jobs. With the shape unchanged this costs one repaint of each changed node."""
        old, self._jobs = self._jobs, {job.id: job for job in jobs}
        known = list(old) == list(self._jobs)
        changed = [job for id, job in self._jobs.items() if not known or (job is not old[id] and job != old[id])]
        if known and all(_Shape.of(job) == _Shape.of(old[job.id]) for job in changed):
            for job in changed:
                self._repaint(self._nodes_of.get(job.id, ()))
        else:
            self._lay_out()
        self._follow()

    def select(self, job_id: int) -> None:
        """Put the cursor on the job, or on the fold that holds it, and bring it into view. Posts nothing.

        A job that is not shown yet gets the cursor when it is; one that has it already is left where it is in view.
        """
        if job_id == self._selected and self._cursor is not None:
            return
        self._selected = job_id
        if job_id in self._nodes_of:
            self._put_cursor(self._nodes_of[job_id][-1])

    @property
    def selected(self) -> int | None:
        """The job that the cursor is on. On a matrix: the member that was selected, else a failed or running one."""
        return self._selected if self._selected in self._jobs else None

    @property
    def is_outline(self) -> bool:
        return self._picture.is_outline

    @property
    def preferred_height(self) -> int:
        """The rows that all of it takes as it is drawn now; before that, as it would be on the whole screen."""
        if self._jobs and not self._picture.nodes:
            return self.height_for(self.app.size.width)
        return max(self._picture.height, 1)

    @property
    def drawn_width(self) -> int:
        """The columns that it is drawn for now; 0 before that."""
        return self._width

    def height_for(self, width: int) -> int:
        """Return the rows that all of it would take in a pane of so many columns; this draws it."""
        return max(self._drawn(width).height, 1)

    def watch_ascii(self) -> None:
        self._lay_out()

    def watch_form(self) -> None:
        self._lay_out()

    def watch_opened(self) -> None:
        self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_content_region.width != self._width:
            self._lay_out()

    def _lay_out(self) -> None:
        self._width = self.scrollable_content_region.width
        if not self._width:  # not in view: drawn when it comes there
            self._take(Picture.blank())
            return
        key = None if self._cursor is None else self._picture.nodes[self._cursor].key
        self._take(self._drawn(self._width))
        self.virtual_size = Size(self._picture.width, self._picture.height)
        if self._selected in self._nodes_of:
            inside = self._nodes_of[self._selected]
            self._put_cursor(next((number for number in inside if self._picture.nodes[number].key == key), inside[-1]))
        self.refresh()

    def _drawn(self, width: int) -> Picture:
        """Return the picture for a pane of so many columns, one of them kept for the scrollbar."""
        jobs = list(self._jobs.values())
        found = None
        if self.form == "graph" or (self.form == "auto" and width >= NARROW):
            found = graph(jobs, self.opened, width - 1, self.ascii, must=self.form == "graph")
        return found or outline(jobs, self.opened, width - 1, self.ascii)

    def _take(self, picture: Picture) -> None:
        self._picture = picture
        self._cursor: int | None = None
        self._came_from: int | None = None
        self._kin = Kin()
        self._kinship: Kinship | None = None
        self._nodes_of: dict[int, list[int]] = {}
        self._on_row: dict[int, list[int]] = {}
        for number, node in enumerate(picture.nodes):
            self._on_row.setdefault(picture.boxes[number].y, []).append(number)
            for id in node.members:
                self._nodes_of.setdefault(id, []).append(number)
        self._strips.clear()

    # The cursor

    def move(self, rows: int) -> None:
        if (here := self._here()) is not None:
            self._go(along(self._picture, here, rows))

    def move_to_end(self, last: bool) -> None:
        if (here := self._here()) is not None:
            self._go(to_end(self._picture, here, last))

    def move_side(self, columns: int) -> None:
        if (here := self._here()) is not None:
            came_from, self._came_from = self._came_from, here
            self._go(across(self._picture, here, columns, came_from))

    def action_open(self) -> None:
        if (here := self._here()) is None:
            return
        if self._picture.nodes[here].is_fold:
            self.action_fold()
        elif self._selected is not None:
            self.post_message(self.Opened(self._selected))

    def action_fold(self) -> None:
        """Unfold the matrix under the cursor; fold it when it, or one of its members, stands there unfolded."""
        group = None if self.selected is None else self._jobs[self.selected].group
        if group is not None:
            self.opened = self.opened ^ {group}
            self.post_message(self.Folded(self.opened))

    def action_form(self) -> None:
        """Draw the other form; asked again, the one that fits."""
        self.form = "auto" if self.form != "auto" else "graph" if self.is_outline else "outline"

    def on_click(self, event: events.Click) -> None:
        where = event.get_content_offset(self)
        number = None if where is None else at(self._picture, *(where + self.scroll_offset))
        if number is None:
            return
        event.stop()
        self._go(number)
        if event.chain == 2:
            self.action_open()

    def on_focus(self) -> None:
        self._repaint(() if self._cursor is None else (self._cursor,))

    def on_blur(self) -> None:
        self._repaint(() if self._cursor is None else (self._cursor,))

    def _here(self) -> int | None:
        """Return where the cursor is. Where there is none yet, the first step puts it on the first node."""
        if self._cursor is None and self._picture.nodes:
            self._go(self._picture.columns[0][0])
            return None
        return self._cursor

    def _go(self, number: int) -> None:
        """Move the cursor as someone asked, and say so."""
        if number != self._cursor:
            members = self._picture.nodes[number].members
            loud = (id for status in (*BROKEN, *MOVING) for id in members if self._jobs[id].status == status)
            self._selected = next(loud, members[0])
            self._put_cursor(number)
            self.post_message(self.Selected(self._selected))

    def _put_cursor(self, number: int) -> None:
        if number != self._cursor:
            self._cursor = number
            self._kinship = self._kinship or Kinship(self._picture, list(self._jobs.values()))
            self._kin = self._kinship.of(number)
            self._strips.clear()
            self.refresh()
        self._reveal(number)

    def _reveal(self, number: int) -> None:
        box = self._picture.boxes[number]
        shown = Region(box.x, box.y, max(min(box.width, self.size.width), 1), 1)
        self.scroll_to_region(shown, animate=False, force=True, immediate=True)

    def _follow(self) -> None:
        """Without a cursor, keep in view what runs first."""
        running = next((id for id, job in self._jobs.items() if job.status in MOVING), None)
        if self._cursor is None and running != self._seen_running and running in self._nodes_of:
            self._reveal(self._nodes_of[running][-1])
        self._seen_running = running

    # Painting

    def render_line(self, y: int) -> Strip:
        left, top = self.scroll_offset
        row = y + top
        strip = self._strips.get(row)
        if strip is None:
            strip = self._strips[row] = self._strip(row)
        return strip.crop_extend(left, left + self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def _strip(self, row: int) -> Strip:
        picture = self._picture
        if row >= picture.height:
            return Strip([])
        segments: list[Segment] = []
        x = 0
        for number in sorted(self._on_row.get(row, ()), key=lambda number: picture.boxes[number].x):
            box = picture.boxes[number]
            node = self._node_segments(number)
            segments += [*self._line_segments(row, x, box.x), *node]
            x = box.x + sum(segment.cell_length for segment in node)
            if x < picture.width:
                segments.append(Segment(" ", self.rich_style))
                x += 1
        return Strip([*segments, *self._line_segments(row, x, picture.width)])

    def _line_segments(self, row: int, start: int, end: int) -> list[Segment]:
        styles = [self.get_component_rich_style(name) for name in ("dag--line", "dag--lit")]
        return [Segment(text, styles[lit]) for text, lit in line_runs(self._picture, row, start, end, self._kin)]

    def _node_segments(self, number: int) -> list[Segment]:
        faint = self._cursor is not None and number not in self._kin.nodes
        found = spans(self._picture.nodes[number], self._jobs, self._picture.boxes[number], self.ascii)
        segments = [Segment(text, self._role_style(role, faint)) for text, role in found]
        if number != self._cursor:
            return segments
        mark = self.get_component_rich_style("cursor", partial=True) if self.has_focus else Style(underline=True)
        return [Segment(text, (style or Style.null()) + mark) for text, style, _ in segments]

    def _role_style(self, role: str, faint: bool) -> Style:
        """Return the style of a span: a status, a name, or what is told on the side."""
        if role == "note" or (faint and role == "name"):
            return self.get_component_rich_style("dim")
        if role in ("name", "critical", "late"):
            return self.get_component_rich_style(f"dag--{role}")
        return self.status_style(role)

    def _repaint(self, numbers: Iterable[int]) -> None:
        left, top = self.scroll_offset
        for number in numbers:
            box = self._picture.boxes[number]
            self._strips.pop(box.y, None)
            if 0 <= box.y - top < self.size.height:
                self.refresh(Region(box.x - left, box.y - top, box.width + 1, 1))
