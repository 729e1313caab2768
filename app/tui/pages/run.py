"""One run, live: its graph, the log of one job, the time it took, and every attempt."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from app.client import Change
from app.tui import pressing
from app.tui.actions import NAMED, PIN, UNPIN
from app.tui.bisecting import bisect
from app.tui.comparing import compare
from app.tui.dispatching import askable
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
from app.tui.remarks import show_annotations, show_summaries
from app.tui.rerunning import rerun
from app.tui.run_panes import RunPanes
from engine.core.states import JOB_FINAL, RUN_FINAL
from widgets.attempts_pane import AttemptsPane
from widgets.dag_job import DagJob
from widgets.dag_pane import DagPane
from widgets.log_pane import LogPane
from widgets.timeline_pane import TimelinePane


class RunPage(Page):
    """Opens on the first failed job's log, else on a running one's; once the person chose a job, on that."""

    WORD = "Runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", show=False, id="run.back"),
        Binding("r", "act('retry_run')", "run again, all", show=False, id="run.retry"),
        Binding("R", "act('retry_failed')", "failed only", show=False, id="run.retry_failed"),
        Binding("T", "act('retry_job')", "try this job again", show=False, id="job.retry"),
        Binding("ctrl+r", "rerun", "run again: a step, debug, inputs", show=False, id="run.rerun"),
        Binding("c", "act('cancel_run')", "cancel (again: now)", show=False, id="run.cancel"),
        Binding("C", "act('cancel_job')", "cancel this job (again: now)", show=False, id="job.cancel"),
        Binding("a", "act('approve')", "approve", show=False, id="run.approve"),
        Binding("d", "dispatch", "start one like it", show=False, id="run.dispatch"),
        Binding("x", "explain", "why it is as it is", show=False, id="run.explain"),
        Binding("D", "compare", "compare its log with a green one", show=False, id="job.compare"),
        Binding("e", "failure(1)", "next failed job", show=False, id="run.next_failure"),
        Binding("E", "failure(-1)", "previous failed job", show=False, id="run.previous_failure"),
        Binding("A", "annotations", "errors and warnings of its steps", show=False, id="run.annotations"),
        Binding("S", "summaries", "summaries of its steps", show=False, id="run.summaries"),
        Binding("B", "bisect", "find the commit that broke it", show=False, id="job.bisect"),
        Binding("p", "pin", "pin or unpin", show=False, id="run.pin"),
        Binding("H", "held('toggle')", "hold this job if it fails, or not", show=False, id="held.toggle"),
        Binding("exclamation_mark", "shell", "a shell in its box", show=False, key_display="!", id="held.shell"),
        Binding("full_stop", "held('again')", "run the held step again", show=False, key_display=".", id="held.again"),
        Binding("comma", "held('next')", "go on after the held step", show=False, key_display=",", id="held.next"),
        Binding("X", "held('release')", "let the held box go", show=False, id="held.release"),
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
        self._graph: tuple[DagJob, ...] = ()  # of the jobs, as they are shown
        self.job: dict[str, Any] | None = None  # the selected one, with its attempts and their steps
        self.selected: int | None = job_id
        self.chosen: int | None = at[0] if at else None  # the attempt that was asked for; None: the latest
        self._by_hand = job_id is not None
        self._log: JobLog | None = None  # of the attempt in view
        # Job, attempt, byte: where its log is to be opened.
        self._seek: tuple[int, int, int] | None = (job_id, *at) if job_id is not None and at else None

    def body(self) -> ComposeResult:
        yield RunPanes(self.ui.prefs, ascii=self.ui.ascii)

    def on_mount(self) -> None:
        self.set_focus(self._panes.dag)

    @property
    def _panes(self) -> RunPanes:
        return self.query_one(RunPanes)

    def panes(self) -> tuple[Widget, ...]:
        return self._panes.all

    def reveal(self, pane: Widget) -> None:
        self._panes.reveal(pane)

    def zoom(self, pane: Widget) -> None:
        self._panes.zoom(pane)

    def crumbs(self) -> tuple[str, ...]:
        job = (self.chosen_job or {}).get("name", "")
        tries = f"try {self.number}" if self.job is not None and self.job["attempts"] > 1 else ""
        way = (self.WORD, f"{self.run['workflow']} #{self.run['number']}", job, tries)
        return tuple(part for part in way if part)

    def aside(self) -> str:
        heading = presenter.heading(self.run, self.clock.now(), self.ui.ascii)
        return "  ".join(part for part in (known_flaky(self.job, self.number), heading) if part)

    @property
    def chosen_job(self) -> dict[str, Any] | None:
        """The selected job as the run tells of it."""
        return next((job for job in self.jobs if job["id"] == self.selected), None)

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
        self._show_graph(anew=True)
        if self.selected is not None:
            self._panes.dag.select(self.selected)
        self._panes.fit()
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

    def _show_graph(self, *, anew: bool = False) -> None:
        """Show the jobs as they were fetched, or those in view as they are by now."""
        now = self.clock.now()
        if anew or len(self._graph) != len(self.jobs):
            self._graph = presenter.dag_jobs(self.jobs, now, forecast.lit(self.run, self.jobs))
        else:
            self._graph = presenter.a_moment_later(self._graph, self.jobs, now)
        self._panes.dag.show(self._graph)
        self.ui.bells.late(forecast.lateness(self.jobs, now))

    def _show_times(self) -> None:
        now = self.clock.now()
        made = () if self.job is None else self.job["attempts_made"]
        again_at = None if self.job is None else self.job["next_attempt_at"]
        again_s = (instant(again_at) - now).total_seconds() if again_at else None
        self._panes.attempts.show(presenter.attempt_rows(made, now), self.number, again_s)
        self._panes.log_pane.border_subtitle = presenter.held(self.job)
        prop = presenter.timeline(self.jobs, self.attempts, self.job, self.number, now)
        self._panes.timeline.show(prop)

    def _show_log(self) -> None:
        """Open the log of the attempt in view, if it is not open yet; and say how its steps stand."""
        pane = self._panes.log_pane
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

    def on_attempts_pane_chosen(self, message: AttemptsPane.Chosen) -> None:
        self.chosen = message.number
        self.present()

    def on_log_pane_copied(self, message: LogPane.Copied) -> None:
        self.ui.copy_out(message.text, message.lines)

    def action_grow(self, rows: int, columns: int) -> None:
        self._panes.grow(rows, columns)

    def action_sizes(self) -> None:
        self._panes.forget_sizes()

    def action_attempt(self, step: int) -> None:
        most = (self.job or {}).get("attempts", 0)
        if most and 1 <= self.number + step <= most:
            self.chosen = self.number + step
            self.present()

    def action_act(self, name: str) -> None:
        chosen = self.chosen_job or {}
        if name == "approve" and chosen.get("status") == "blocked":
            name = "approve_job"
        values = values_of(self.run)
        if name.endswith("job"):
            self._by_hand = True  # what was acted on stays in view
            ending = chosen.get("cancel_asked_at") is not None and chosen["status"] not in JOB_FINAL
            values |= {"job": self.selected, "name": chosen.get("name", ""), "ending": ending}
        self.ui.act(NAMED[name], values)

    def action_annotations(self) -> None:
        self.run_worker(show_annotations(self.ui, self.run, self._go_to), group="ask", exclusive=True)

    def action_summaries(self) -> None:
        self.run_worker(show_summaries(self.ui, self.run), group="ask", exclusive=True)

    def _go_to(self, job: int, attempt: int, offset: int | None) -> None:
        """Show the log of an attempt, at a byte of it where one is known."""
        self.selected, self.chosen, self._by_hand = job, attempt, True
        self._seek = None if offset is None else (job, attempt, offset)
        self.look_again(at_once=True)

    def places(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        for job in self.jobs:
            yield f"Log of {job['name']}", str(job["status"]), partial(self._open_log, job["id"])

    def _open_log(self, job_id: int) -> None:
        self.select(job_id)
        self.go_to(self._panes.log_pane)

    def action_failure(self, step: int) -> None:
        """Show the next job that failed, round and round."""
        if (job_id := presenter.next_failed(self.jobs, self.selected, step)) is None:
            self.ui.tell("No job of this run has failed.")
        else:
            self.select(job_id)

    def action_pin(self) -> None:
        self.ui.act(UNPIN if self.run["pinned"] else PIN, values_of(self.run))

    def action_explain(self) -> None:
        job: list[tuple[Kind, int]] = [] if self.selected is None else [("job", self.selected)]
        explain(self.ui, *job, ("run", self.run["id"]))

    def allows(self, binding: Binding) -> bool:
        """A held job's keys are told of where there is one."""
        return super().allows(binding) and makes_sense(self.job, binding.id or "")

    def action_held(self, deed: str) -> None:
        self._by_hand = True
        held(self.ui, self.job, deed)

    def action_shell(self) -> None:
        self._by_hand = True
        held(self.ui, self.job, "shell")

    def pressing(self) -> Sequence[str]:
        return pressing.on_job(self.run, self.job)

    def action_compare(self) -> None:
        if self._log is None:
            self.ui.tell("This job has no log yet.", bad=True)
        else:
            job, attempt, name = self._log.job_id, self._log.attempt, (self.chosen_job or {}).get("name", "")
            compare(self.ui, job, name, attempt, lambda offset: self._go_to(job, attempt, offset))

    def on_log_pane_compare_asked(self, _: LogPane.CompareAsked) -> None:
        self.action_compare()

    def action_bisect(self) -> None:
        bisect(self.ui, self.run, self.chosen_job)

    def action_rerun(self) -> None:
        rerun(self.ui, self.run, self.chosen_job)

    def action_dispatch(self) -> None:
        self.ui.dispatch(self.run["repo"], self.run["workflow_path"], askable(self.run["ref"]))

    def action_back(self) -> None:
        self.dismiss(None)

    def on_log_pane_save_asked(self, _: LogPane.SaveAsked) -> None:
        if self._log is not None:
            self.ui.save_log(self._log.job_id, self._log.attempt)

    def on_log_pane_pager_asked(self, _: LogPane.PagerAsked) -> None:
        if self._log is not None:
            self.ui.page_log(self._log.job_id, self._log.attempt)
