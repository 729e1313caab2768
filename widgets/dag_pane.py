"""The pane of a run's job graph: drawn where it fits, else as an outline; live, and lit around the cursor.

A change of status or note repaints that node's cells. Only a new shape (jobs, needs, names, folds, a member of a
matrix that failed) or a new width lays the graph out again.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from widgets.dag_job import BROKEN, DagJob
from widgets.dag_layout import graph
from widgets.dag_lines import Kin, line_runs
from widgets.dag_outline import outline
from widgets.dag_picture import Picture
from widgets.dag_text import spans
from widgets.motions import Motions
from widgets.status_styles import StatusStyles

__all__ = ["DagJob", "DagPane"]

Form: TypeAlias = Literal["auto", "graph", "outline"]

NARROW = 84  # a pane beside nothing on a terminal of 80 columns is an outline, whatever would fit
MOVING = ("running", "retrying")


class _Shape(NamedTuple):
    """What of a job decides where it stands."""

    id: int
    key: str
    name: str
    needs: tuple[int, ...]
    group: str | None
    pulled: bool


class DagPane(StatusStyles, Motions, ScrollView, can_focus=True):
    """Shows jobs as a graph. Arrows and hjkl walk it: left to a need, right to a dependent, up and down beside."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open the job, unfold a matrix", id="dag.open"),
        Binding("space", "fold", "unfold a matrix, or fold it again", id="dag.fold"),
        Binding("v", "form", "draw it as a graph or an outline", show=False, id="dag.form"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"dag--line", "dag--lit", "dag--name", "dag--critical"}
    DEFAULT_CSS = """
    DagPane { scrollbar-size: 1 1; }
    DagPane > .dag--line { color: $text-muted; }
    DagPane > .dag--lit { color: $text-accent; text-style: bold; }
    DagPane > .dag--name { color: $foreground; }
    DagPane > .dag--critical { color: $foreground; text-style: bold; }
    """

    class Selected(Message):
        """The cursor moved to a job, or to a matrix of which `job_id` is the member to look at first."""

        def __init__(self, job_id: int) -> None:
            self.job_id = job_id
            super().__init__()

    class Opened(Message):
        """The job was chosen."""

        def __init__(self, job_id: int) -> None:
            self.job_id = job_id
            super().__init__()

    class Folded(Message):
        """The set of opened matrices changed, by hand."""

        def __init__(self, opened: frozenset[str]) -> None:
            self.opened = opened
            super().__init__()

    ascii: reactive[bool] = reactive(False)
    form: reactive[Form] = reactive("auto")
    opened: reactive[frozenset[str]] = reactive(frozenset())
    """The matrices that are unfolded, by group."""

    def __init__(self, *, ascii: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(DagPane.ascii, ascii)
        self._jobs: dict[int, DagJob] = {}
        self._shape: tuple[_Shape, ...] = ()
        self._picture: Picture | None = None
        self._at: dict[int, list[int]] = {}
        self._by_row: dict[int, list[int]] = {}
        self._strips: dict[int, Strip] = {}
        self._cursor: int | None = None
        self._chosen: int | None = None
        self._came_from: int | None = None
        self._kin = Kin()
        self._seen_running: int | None = None

    # What is shown

    def show(self, jobs: Iterable[DagJob]) -> None:
        """Show these jobs. With the shape unchanged this costs one repaint of each changed node."""
        shown = tuple(jobs)
        old, self._jobs = self._jobs, {job.id: job for job in shown}
        shape = tuple(
            _Shape(job.id, job.key, job.name, job.needs, job.group, job.group is not None and job.status in BROKEN)
            for job in shown
        )
        if shape != self._shape or self._picture is None:
            self._shape = shape
            self._lay_out()
        else:
            for job in shown:
                if job != old[job.id]:
                    self._repaint(self._at.get(job.id, ()))
        self._follow()

    def select(self, job_id: int) -> None:
        """Put the cursor on the job, or on the fold that holds it, and bring it into view. Posts nothing."""
        self._chosen = job_id
        found = self._at.get(job_id)
        if found is not None:
            self._put_cursor(found[-1])

    @property
    def selected(self) -> int | None:
        """The job under the cursor. In a matrix: the one that was selected, else the first of its loudest members."""
        if self._picture is None or self._cursor is None:
            return self._chosen if self._chosen in self._jobs else None
        members = self._picture.nodes[self._cursor].members
        if self._chosen in members:
            return self._chosen
        return next(
            (id for status in (*BROKEN, *MOVING) for id in members if self._jobs[id].status == status), members[0]
        )

    @property
    def preferred_height(self) -> int:
        """The rows that all of it takes as it is drawn now."""
        return max(self._picture.height if self._picture else 0, 1)

    @property
    def is_outline(self) -> bool:
        return self._picture is not None and self._picture.is_outline

    def watch_ascii(self) -> None:
        self._lay_out()

    def watch_form(self) -> None:
        self._lay_out()

    def watch_opened(self) -> None:
        self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width or self.size.width
        if not width or not self._shape:
            self._picture = None
            return
        chosen = self._chosen if self._chosen in self._jobs else self.selected
        self._picture = self._drawn(width)
        nodes = self._picture.nodes
        self._at, self._by_row = {}, {}
        for number, (node, box) in enumerate(zip(nodes, self._picture.boxes, strict=True)):
            self._by_row.setdefault(box.y, []).append(number)
            for id in node.members:
                self._at.setdefault(id, []).append(number)
        self._strips.clear()
        self._cursor = None
        self.virtual_size = Size(self._picture.width, self._picture.height)
        if chosen is not None and chosen in self._at:
            self._put_cursor(self._at[chosen][-1])
        self.refresh()

    def _drawn(self, width: int) -> Picture:
        jobs = list(self._jobs.values())
        if self.form == "graph" or (self.form == "auto" and width >= NARROW):
            found = graph(jobs, self.opened, None if self.form == "graph" else width - 1, self.ascii)
            if found is not None:
                return found
        return outline(jobs, self.opened, width - 1, self.ascii)

    # The cursor

    def _put_cursor(self, number: int, tell: bool = False) -> None:
        picture = self._picture
        assert picture is not None
        old, self._cursor = self._cursor, number
        if self._chosen not in picture.nodes[number].members:
            self._chosen = None
        if old != number:
            self._kin = Kin.of(picture, number, list(self._jobs.values()))
            self._strips.clear()
            self.refresh()
        box = picture.boxes[number]
        self.scroll_to_region(Region(box.x, box.y, min(box.width, self.size.width), 1), animate=False, force=True)
        if tell and old != number and (selected := self.selected) is not None:
            self.post_message(self.Selected(selected))

    def _go(self, number: int | None) -> None:
        if number is not None:
            self._put_cursor(number, tell=True)

    def _here(self) -> int | None:
        if self._picture is None or not self._picture.nodes:
            return None
        if self._cursor is None:
            self._put_cursor(self._picture.columns[0][0], tell=True)
            return None
        return self._cursor

    def move(self, rows: int) -> None:
        here = self._here()
        if here is None or self._picture is None:
            return
        column = next(column for column in self._picture.columns if here in column)
        self._go(column[min(max(column.index(here) + rows, 0), len(column) - 1)])

    def move_to_end(self, last: bool) -> None:
        here = self._here()
        if here is not None and self._picture is not None:
            column = next(column for column in self._picture.columns if here in column)
            self._go(column[-1 if last else 0])

    def move_side(self, columns: int) -> None:
        here, picture = self._here(), self._picture
        if here is None or picture is None:
            return
        if columns < 0:
            near: Sequence[int] = picture.needs[here]
        else:
            near = [number for number, needs in enumerate(picture.needs) if here in needs]
        came, self._came_from = self._came_from, here
        if came in near:
            self._go(came)
        else:
            y = picture.boxes[here].y
            self._go(min(near, key=lambda number: abs(picture.boxes[number].y - y), default=None))

    def _follow(self) -> None:
        """Without a cursor, keep in view what runs first."""
        if self._cursor is not None or self._picture is None:
            return
        running = next((id for id, job in self._jobs.items() if job.status in MOVING), None)
        if running is not None and running != self._seen_running:
            box = self._picture.boxes[self._at[running][-1]]
            self.scroll_to_region(Region(box.x, box.y, min(box.width, self.size.width), 1), animate=False, force=True)
        self._seen_running = running

    def action_open(self) -> None:
        here = self._here()
        if here is None or self._picture is None:
            return
        if self._picture.nodes[here].is_fold:
            self.action_fold()
        elif (selected := self.selected) is not None:
            self.post_message(self.Opened(selected))

    def action_fold(self) -> None:
        """Unfold the matrix under the cursor; fold it when it, or a member of it, is under the cursor unfolded."""
        selected = self.selected
        group = self._jobs[selected].group if selected is not None else None
        if group is None:
            return
        self._chosen = selected
        self.opened = self.opened ^ {group}
        self.post_message(self.Folded(self.opened))

    def action_form(self) -> None:
        self.form = "graph" if self.is_outline else "outline"

    def on_click(self, event: events.Click) -> None:
        where = event.get_content_offset(self)
        number = None if where is None else self._node_at(where + self.scroll_offset)
        if number is not None:
            self._put_cursor(number, tell=True)
            if event.chain == 2:
                self.action_open()

    def _node_at(self, where: Offset) -> int | None:
        for number in self._by_row.get(where.y, ()):
            box = self._picture.boxes[number] if self._picture else None
            if box is not None and box.x <= where.x < box.x + box.width:
                return number
        return None

    # Painting

    def render_line(self, y: int) -> Strip:
        left, top = self.scroll_offset
        width = self.size.width
        row = y + top
        strip = self._strips.get(row)
        if strip is None:
            strip = self._strips[row] = self._strip(row)
        return strip.crop_extend(left, left + width, self.rich_style)

    def _strip(self, row: int) -> Strip:
        picture = self._picture
        if picture is None or row >= picture.height:
            return Strip([])
        plain, lit = self.get_component_rich_style("dag--line"), self.get_component_rich_style("dag--lit")
        segments: list[Segment] = []
        x = 0
        for number in sorted(self._by_row.get(row, ()), key=lambda number: picture.boxes[number].x):
            box = picture.boxes[number]
            segments += [
                Segment(text, lit if on else plain) for text, on in line_runs(picture, row, x, box.x, self._kin)
            ]
            node = self._node_segments(number)
            segments += node
            x = box.x + sum(segment.cell_length for segment in node)
            if not picture.is_outline and x < picture.width:
                segments.append(Segment(" ", plain))
                x += 1
        segments += [
            Segment(text, lit if on else plain) for text, on in line_runs(picture, row, x, picture.width, self._kin)
        ]
        return Strip(segments)

    def _node_segments(self, number: int) -> list[Segment]:
        assert self._picture is not None
        faint = self._cursor is not None and number not in self._kin.nodes
        found = spans(self._picture.nodes[number], self._jobs, self._picture.boxes[number], self.ascii)
        segments = [Segment(text, self._role_style(role, faint)) for text, role in found]
        if number == self._cursor:
            reverse = self.get_component_rich_style("cursor", partial=True)
            segments = [Segment(text, (style or Style.null()) + reverse) for text, style, _ in segments]
        return segments

    def _role_style(self, role: str, faint: bool) -> Style:
        if role == "note" or (faint and role in ("name", "critical")):
            return self.get_component_rich_style("dim")
        if role in ("name", "critical"):
            return self.get_component_rich_style(f"dag--{role}")
        return self.status_style(role)

    def _repaint(self, numbers: Sequence[int]) -> None:
        if self._picture is None:
            return
        left, top = self.scroll_offset
        for number in numbers:
            box = self._picture.boxes[number]
            self._strips.pop(box.y, None)
            self.refresh(Region(box.x - left, box.y - top, box.width, 1))
