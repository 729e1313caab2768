"""One run, live: its graph, the log of one job, the time it took, and every attempt."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.geometry import Size
from textual.widget import Widget

from app.client import Change
from app.tui.actions import (
    APPROVE,
    APPROVE_JOB,
    CANCEL_JOB,
    CANCEL_RUN,
    PIN,
    RETRY_FAILED,
    RETRY_JOB,
    RETRY_RUN,
    UNPIN,
)
from app.tui.arrangement import ATTEMPTS, DAG, LOG, TIMELINE, Wanted, arrange
from app.tui.bisecting import bisect
from app.tui.comparing import compare
from app.tui.explaining import Kind, explain
from app.tui.holding import do as held
from app.tui.holding import makes_sense
from app.tui.job_log import JobLog
from app.tui.page import Page
from app.tui.pages.runs import values_of
from app.tui.presenters import forecast
from app.tui.presenters import run as presenter
from app.tui.presenters.flaky import known_flaky
from app.tui.presenters.runs import instant
from app.tui.remarks import annotations_screen, summaries_screen
from app.tui.rerunning import rerun
from engine.core.errors import EngineError
from engine.core.states import RUN_FINAL
from widgets.attempts_pane import AttemptsPane
from widgets.dag_pane import DagPane
from widgets.log_pane import LogPane
from widgets.timeline_pane import TimelinePane

ACTIONS = {
    action.name: action for action in (RETRY_RUN, RETRY_FAILED, RETRY_JOB, CANCEL_RUN, CANCEL_JOB, APPROVE, APPROVE_JOB)
}
KINDS: dict[str, type[Widget]] = {DAG: DagPane, LOG: LogPane, TIMELINE: TimelinePane, ATTEMPTS: AttemptsPane}
TITLES = {DAG: "Jobs", LOG: "Log", TIMELINE: "Timeline", ATTEMPTS: "Attempts"}
STEP = 2  # rows or columns that a pane grows by with a key


class RunPage(Page):
    """Opens on the first failed job's log, else on a running one's; once the person chose a job, on that."""

    WORD = "Runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", show=False, id="run.back"),
        Binding("r", "act('retry_run')", "run again, all", show=False, id="run.retry"),
        Binding("R", "act('retry_failed')", "failed only", id="run.retry_failed"),
        Binding("T", "act('retry_job')", "try this job again", show=False, id="job.retry"),
        Binding("ctrl+r", "rerun", "run again: a step, debug, inputs", show=False, id="run.rerun"),
        Binding("c", "act('cancel_run')", "cancel", id="run.cancel"),
        Binding("C", "act('cancel_job')", "cancel this job", show=False, id="job.cancel"),
        Binding("a", "act('approve')", "approve", show=False, id="run.approve"),
        Binding("d", "dispatch", "start one like it", show=False, id="run.dispatch"),
        Binding("B", "bisect", "find the commit that broke this job", show=False, id="job.bisect"),
        Binding("p", "pin", "pin or unpin", show=False, id="run.pin"),
        Binding("x", "explain", "why it is as it is", show=False, id="run.explain"),
        Binding("H", "held('toggle')", "hold this job if it fails, or not", show=False, id="held.toggle"),
        Binding("exclamation_mark", "shell", "a shell in its box", show=False, key_display="!", id="held.shell"),
        Binding("full_stop", "held('again')", "run the held step again", show=False, key_display=".", id="held.again"),
        Binding("comma", "held('next')", "go on after the held step", show=False, key_display=",", id="held.next"),
        Binding("X", "held('release')", "let the held box go", show=False, id="held.release"),
        Binding("A", "annotations", "errors and warnings of its steps", show=False, id="run.annotations"),
        Binding("S", "summaries", "summaries of its steps", show=False, id="run.summaries"),
        Binding(
            "less_than_sign", "attempt(-1)", "the attempt before", show=False, key_display="<", id="attempt.before"
        ),
        Binding(
            "greater_than_sign", "attempt(1)", "the attempt after", show=False, key_display=">", id="attempt.after"
        ),
        Binding("ctrl+down", "grow(1, 0)", "more rows for the graph", show=False, id="size.more_rows"),
        Binding("ctrl+up", "grow(-1, 0)", "fewer rows for the graph", show=False, id="size.fewer_rows"),
        Binding("ctrl+left", "grow(0, 1)", "more columns beside the log", show=False, id="size.more_columns"),
        Binding("ctrl+right", "grow(0, -1)", "fewer columns beside the log", show=False, id="size.fewer_columns"),
        Binding("0", "sizes", "sizes as they were", show=False, id="size.reset"),
    ]

    def __init__(self, run: dict[str, Any], job_id: int | None = None, at: tuple[int, int] | None = None) -> None:
        """`at` is an attempt of that job and a byte of its log."""
        super().__init__()
        self.run: dict[str, Any] = run
        self.jobs: list[dict[str, Any]] = []
        self.attempts: list[dict[str, Any]] = []
        self.job: dict[str, Any] | None = None  # the selected one, with its attempts and their steps
        self.selected: int | None = job_id
        self.chosen: int | None = at[0] if at else None  # the attempt that was asked for; None: the latest
        self._by_hand = job_id is not None
        self._wanted = Wanted()
        self._log: JobLog | None = None  # of the attempt in view
        # Job, attempt, byte: where its log is to be opened.
        self._seek: tuple[int, int, int] | None = (job_id, *at) if job_id is not None and at else None

    def body(self) -> ComposeResult:
        ascii = self.ui.ascii
        yield DagPane(ascii=ascii, id="dag")
        with Horizontal(id="below"):
            yield LogPane(ascii=ascii, id="log")
            with Vertical(id="beside"):
                yield TimelinePane(ascii=ascii, id="timeline")
                yield AttemptsPane(ascii=ascii, id="attempts")

    def on_mount(self) -> None:
        prefs = self.ui.prefs
        self._wanted = Wanted(dag_rows=prefs.get("run.dag", 0) or None, side=prefs.get("run.side", 0) or None)
        self._dag.opened = frozenset(group for group in prefs.get("run.opened", []) if isinstance(group, str))
        for name, pane in self._named().items():
            pane.border_title = TITLES[name]
        self.set_focus(self._dag)

    @property
    def _dag(self) -> DagPane:
        return self.query_one(DagPane)

    def _named(self) -> dict[str, Widget]:
        return {name: self.query_one(kind) for name, kind in KINDS.items()}

    def panes(self) -> tuple[Widget, ...]:
        return tuple(self._named().values())

    def reveal(self, pane: Widget) -> None:
        """Bring a pane into view where there is room for few."""
        name = next(name for name, one in self._named().items() if one is pane)
        zoomed = None if self._wanted.zoomed is None else name
        below = self._wanted.below if name == DAG else name
        self._arrange(replace(self._wanted, below=below, zoomed=zoomed))

    def zoom(self, pane: Widget) -> None:
        name = next(name for name, one in self._named().items() if one is pane)
        self._arrange(replace(self._wanted, zoomed=None if self._wanted.zoomed else name))

    def _arrange(self, wanted: Wanted | None = None, size: Size | None = None) -> None:
        """Give every pane the room that it has now, or in a window that becomes of another size."""
        self._wanted = wanted or self._wanted
        size = size or self.size
        panes = self._named()
        found = arrange(size.width, size.height - 2, self._dag_height(size.width - 2) + 2, self._wanted)
        for name, pane in panes.items():
            pane.display = name in found.shown
        panes[DAG].styles.height = found.dag_rows or "1fr"
        below, beside = self.query_one("#below"), self.query_one("#beside")
        below.display = found.shown != {DAG}
        beside.display = bool(found.shown & {TIMELINE, ATTEMPTS})
        beside.styles.width = found.side if found.side < size.width else "1fr"

    def _dag_height(self, width: int) -> int:
        """Return the rows that all of the graph takes in so many columns, also while it is drawn for others still."""
        if self._wanted.zoomed or width < 1 or width - self._dag.drawn_width in (0, 1):  # 1: its scrollbar
            return self._dag.preferred_height
        return self._dag.height_for(width)

    def crumbs(self) -> tuple[str, ...]:
        job = next((one["name"] for one in self.jobs if one["id"] == self.selected), "")
        tries = f"try {self.number}" if self.job is not None and self.job["attempts"] > 1 else ""
        way = (self.WORD, f"{self.run['workflow']} #{self.run['number']}", job, tries)
        return tuple(part for part in way if part)

    def aside(self) -> str:
        heading = presenter.heading(self.run, self.clock.now(), self.ui.ascii)
        return "  ".join(part for part in (known_flaky(self.job, self.number), heading) if part)

    @property
    def number(self) -> int:
        """The attempt in view."""
        return self.chosen or (self.job or {}).get("attempts", 0)

    async def fetch(self) -> None:
        get = self.ui.session.client.get
        told = await self.ask(get, f"/runs/{self.run['id']}")
        self.jobs = told.pop("jobs")
        self.run = told
        self.ui.began(told["sequence"])
        self.attempts = (await self.ask(get, f"/runs/{told['id']}/attempts"))["attempts"]
        if not self._by_hand:
            self.selected = presenter.first_to_look_at(self.jobs)
        if self.selected is not None:
            self.job = await self.ask(get, f"/jobs/{self.selected}")

    def present(self) -> None:
        self._show_graph()
        if self.selected is not None:
            self._dag.select(self.selected)
        self._arrange()
        self._show_times()
        self._show_log()

    def concerns(self, change: Change) -> bool:
        return bool(change.data.get("run") == self.run["id"])

    def heard(self, changes: Sequence[Change]) -> None:
        """A job's status is in view at once; its times come with the next look."""
        news = {c.data["job"]: c.data["status"] for c in changes if self.concerns(c) and c.data["type"] == "job"}
        for job in self.jobs:
            if job["id"] in news:
                job["status"] = news[job["id"]]
        if news:
            self._show_graph()

    def tick(self) -> None:
        if self.fetched and self.run["status"] not in RUN_FINAL:
            self._show_graph()
            self._show_times()

    def _show_graph(self) -> None:
        now = self.clock.now()
        self._dag.show(presenter.dag_jobs(self.jobs, now, forecast.lit(self.run, self.jobs)))
        self.ui.bells.late(forecast.lateness(self.jobs, now))

    def _show_times(self) -> None:
        now = self.clock.now()
        made = () if self.job is None else self.job["attempts_made"]
        again_at = None if self.job is None else self.job["next_attempt_at"]
        again_s = (instant(again_at) - now).total_seconds() if again_at else None
        self.query_one(AttemptsPane).show(presenter.attempt_rows(made, now), self.number, again_s, 0.0)
        self.query_one(LogPane).border_subtitle = presenter.held(self.job)
        prop = presenter.timeline(self.jobs, self.attempts, self.job, self.number, now)
        self.query_one(TimelinePane).show(prop)

    def _show_log(self) -> None:
        """Open the log of the attempt in view, if it is not open yet; and say how its steps stand."""
        pane = self.query_one(LogPane)
        made = [] if self.job is None else self.job["attempts_made"]
        attempt = next((one for one in made if one["number"] == self.number), None)
        steps = presenter.log_steps(attempt, self.clock.now())
        if self.job is None or attempt is None:
            self._log = None
        elif self._log is None or (self._log.job_id, self._log.attempt) != (self.job["id"], self.number):
            self._log = JobLog(self.ui.session.client, self.job["id"], self.number)
        pane.show(self._log, steps)
        if self._seek and self._log and self._seek[:2] == (self._log.job_id, self._log.attempt):
            pane.go_to_byte(self._seek[2])
            self.go_to(pane)
            self._seek = None

    def select(self, job_id: int) -> None:
        """Show a job, its latest attempt."""
        if job_id != self.selected:
            self.selected, self.chosen, self._by_hand = job_id, None, True
            self.look_again(at_once=True)

    def on_dag_pane_selected(self, message: DagPane.Selected) -> None:
        self.select(message.job_id)

    def on_timeline_pane_chosen(self, message: TimelinePane.Chosen) -> None:
        if isinstance(message.id, int):
            self.select(message.id)

    def on_dag_pane_opened(self, message: DagPane.Opened) -> None:
        self._open_log(message.job_id)

    def on_dag_pane_folded(self, message: DagPane.Folded) -> None:
        self.ui.prefs.set("run.opened", sorted(message.opened))
        self._arrange()

    def on_attempts_pane_chosen(self, message: AttemptsPane.Chosen) -> None:
        self.chosen = message.number
        self.present()

    def on_log_pane_copied(self, message: LogPane.Copied) -> None:
        self.ui.copy_out(message.text, message.lines)

    def on_resize(self, event: Resize) -> None:
        if self.fetched:
            self._arrange(size=event.size)

    def action_grow(self, rows: int, columns: int) -> None:
        """Give the graph more rows, or what is beside the log more columns; remembered from now on."""
        dag_rows, side = self._dag.size.height + 2, self.query_one("#beside").size.width
        if rows:
            self._wanted = replace(self._wanted, dag_rows=dag_rows + rows * STEP)
        if columns and side:
            self._wanted = replace(self._wanted, side=side + columns * STEP)
        self._arrange()
        self.ui.prefs.set("run.dag", self._wanted.dag_rows or 0)
        self.ui.prefs.set("run.side", self._wanted.side or 0)

    def action_sizes(self) -> None:
        self._arrange(replace(self._wanted, dag_rows=None, side=None))
        self.ui.prefs.set("run.dag", 0)
        self.ui.prefs.set("run.side", 0)

    def action_attempt(self, step: int) -> None:
        most = (self.job or {}).get("attempts", 0)
        if most and 1 <= self.number + step <= most:
            self.chosen = self.number + step
            self.present()

    def action_act(self, name: str) -> None:
        chosen = next((job for job in self.jobs if job["id"] == self.selected), {})
        if name == "approve" and chosen.get("status") == "blocked":
            name = "approve_job"
        job = {"job": self.selected, "name": chosen.get("name", "")}
        values = values_of(self.run)
        self.ui.act(ACTIONS[name], values | job if name.endswith("job") else values)

    async def action_annotations(self) -> None:
        try:
            screen, chosen = await self.ask(annotations_screen, self.ui.session.client, self.run, self.ui.ascii)
        except EngineError as error:
            self.ui.tell(str(error), bad=True)
            return
        self.ui.push_screen(screen, lambda row: self._go_to_annotation(chosen(row)))

    async def action_summaries(self) -> None:
        try:
            screen = await self.ask(summaries_screen, self.ui.session.client, self.run, self.ui.ascii)
        except EngineError as error:
            self.ui.tell(str(error), bad=True)
            return
        if screen is None:
            self.ui.tell("No step of this run has written a summary.")
        else:
            self.ui.push_screen(screen)

    def _go_to_annotation(self, told: Mapping[str, Any] | None) -> None:
        """Show the log of an annotation's job, at its line where that is known."""
        if told is None:
            return
        self.selected, self.chosen, self._by_hand = told["job"], told["attempt"], True
        self._seek = (told["job"], told["attempt"], told["log_start"]) if "log_start" in told else None
        self.look_again(at_once=True)

    def places(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        for job in self.jobs:
            yield f"Log of {job['name']}", str(job["status"]), partial(self._open_log, job["id"])

    def _open_log(self, job_id: int) -> None:
        self.select(job_id)
        self.go_to(self.query_one(LogPane))

    def action_pin(self) -> None:
        self.ui.act(UNPIN if self.run["pinned"] else PIN, values_of(self.run))

    def action_explain(self) -> None:
        job: list[tuple[Kind, int]] = [] if self.selected is None else [("job", self.selected)]
        explain(self.ui, *job, ("run", self.run["id"]))

    def allows(self, binding: Binding) -> bool:
        """A held job's keys are told of where there is one."""
        return super().allows(binding) and makes_sense(self.job, binding.id or "")

    def action_held(self, deed: str) -> None:
        held(self.ui, self.job, deed)

    def action_shell(self) -> None:
        held(self.ui, self.job, "shell")

    def action_bisect(self) -> None:
        bisect(self.ui, self.run, next((job for job in self.jobs if job["id"] == self.selected), None))

    def action_rerun(self) -> None:
        rerun(self.ui, self.run, next((job for job in self.jobs if job["id"] == self.selected), None))

    def action_dispatch(self) -> None:
        self.ui.dispatch(self.run["repo"], self.run["workflow_path"])

    def action_back(self) -> None:
        self.dismiss(None)

    def on_log_pane_save_asked(self, _: LogPane.SaveAsked) -> None:
        if self._log is not None:
            self.ui.save_log(self._log.job_id, self._log.attempt)

    def on_log_pane_compare_asked(self, _: LogPane.CompareAsked) -> None:
        if self._log is not None:
            compare(self.ui, self._log.job_id, self._log.attempt, partial(self._open_at, self._log))

    def _open_at(self, log: JobLog, offset: int) -> None:
        self._go_to_annotation({"job": log.job_id, "attempt": log.attempt, "log_start": offset})

    def on_log_pane_pager_asked(self, _: LogPane.PagerAsked) -> None:
        if self._log is not None:
            self.ui.page_log(self._log.job_id, self._log.attempt)
