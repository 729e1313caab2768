"""The four panes of a run's page, and the room that each has: as much as there is, and as the person asked for."""

from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.geometry import Size
from textual.widget import Widget

from app.tui.arrangement import ATTEMPTS, DAG, LOG, TIMELINE, Wanted, arrange
from app.tui.prefs import Prefs
from widgets.attempts_pane import AttemptsPane
from widgets.dag_pane import DagPane
from widgets.log_pane import LogPane
from widgets.timeline_pane import TimelinePane

STEP = 2  # rows or columns that a pane grows by with a key


class RunPanes(Vertical):
    """Lays its panes out; each is handed what it shows. Sizes and opened folds are remembered in `prefs`."""

    def __init__(self, prefs: Prefs, *, ascii: bool = False) -> None:
        super().__init__()
        self._prefs = prefs
        self._wanted = Wanted(dag_rows=prefs.get("run.dag", 0) or None, side=prefs.get("run.side", 0) or None)
        self.dag = DagPane(ascii=ascii, id="dag")
        self.dag.opened = frozenset(group for group in prefs.get("run.opened", []) if isinstance(group, str))
        self.log_pane = LogPane(ascii=ascii, id="log")
        self.timeline = TimelinePane(ascii=ascii, id="timeline")
        self.attempts = AttemptsPane(ascii=ascii, id="attempts")
        self._beside = Vertical(self.timeline, self.attempts, id="beside")
        self._below = Horizontal(self.log_pane, self._beside, id="below")
        self._named: dict[str, Widget] = {
            DAG: self.dag, LOG: self.log_pane, TIMELINE: self.timeline, ATTEMPTS: self.attempts,
        }  # fmt: skip
        self._presented = False  # has the graph been shown: is it known how much room it needs?
        titles = {DAG: "Jobs", LOG: "Log", TIMELINE: "Timeline", ATTEMPTS: "Attempts"}
        for name, pane in self._named.items():
            pane.border_title = titles[name]

    def compose(self) -> ComposeResult:
        yield self.dag
        yield self._below

    @property
    def all(self) -> tuple[Widget, ...]:
        """The panes, in the order of the tab key."""
        return tuple(self._named.values())

    def reveal(self, pane: Widget) -> None:
        """Bring a pane into view where there is room for few."""
        name = self._name_of(pane)
        zoomed = None if self._wanted.zoomed is None else name
        self._arrange(replace(self._wanted, below=self._wanted.below if name == DAG else name, zoomed=zoomed))

    def zoom(self, pane: Widget) -> None:
        """Give a pane all the room, or take it back."""
        self._arrange(replace(self._wanted, zoomed=None if self._wanted.zoomed else self._name_of(pane)))

    def fit(self) -> None:
        """Give every pane its room anew, after the graph has changed."""
        self._presented = True
        self._arrange()

    def grow(self, rows: int, columns: int) -> None:
        """Give the graph more rows, or what is beside the log more columns; remembered from now on."""
        dag_rows, side = self.dag.size.height + 2, self._beside.size.width
        if rows:
            self._wanted = replace(self._wanted, dag_rows=dag_rows + rows * STEP)
        if columns and side:
            self._wanted = replace(self._wanted, side=side + columns * STEP)
        self._arrange()
        self._remember()

    def forget_sizes(self) -> None:
        """Give all panes the room that they had before anybody asked for another."""
        self._arrange(replace(self._wanted, dag_rows=None, side=None))
        self._remember()

    def on_dag_pane_folded(self, message: DagPane.Folded) -> None:
        self._prefs.set("run.opened", sorted(message.opened))
        self._arrange()

    def on_resize(self, event: Resize) -> None:
        if self._presented:
            self._arrange(size=event.size)

    def _name_of(self, pane: Widget) -> str:
        return next(name for name, one in self._named.items() if one is pane)

    def _remember(self) -> None:
        self._prefs.set("run.dag", self._wanted.dag_rows or 0)
        self._prefs.set("run.side", self._wanted.side or 0)

    def _arrange(self, wanted: Wanted | None = None, size: Size | None = None) -> None:
        """Give every pane the room that it has now, or in a window that becomes of another size."""
        self._wanted = wanted or self._wanted
        size = size or self.size
        found = arrange(size.width, size.height, self._dag_height(size.width - 2) + 2, self._wanted)
        for name, pane in self._named.items():
            pane.display = name in found.shown
        self.dag.styles.height = found.dag_rows or "1fr"
        self._below.display = found.shown != {DAG}
        self._beside.display = bool(found.shown & {TIMELINE, ATTEMPTS})
        self._beside.styles.width = found.side if found.side < size.width else "1fr"

    def _dag_height(self, width: int) -> int:
        """Return the rows that all of the graph takes in so many columns, also while it is drawn for others still."""
        if self._wanted.zoomed or width < 1 or width - self.dag.drawn_width in (0, 1):  # 1: its scrollbar
            return self.dag.preferred_height
        return self.dag.height_for(width)
