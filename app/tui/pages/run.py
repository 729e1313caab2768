"""One run, live: its graph, the log of one job, the time it took, and every attempt."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.widget import Widget

from app.client import Change
from app.tui.actions import APPROVE, CANCEL_JOB, CANCEL_RUN, RETRY_FAILED, RETRY_JOB, RETRY_RUN
from app.tui.job_log import JobLog
from app.tui.page import Page
from app.tui.pages.runs import values_of
from app.tui.presenters import run as presenter
from app.tui.presenters.runs import instant
from engine.core.states import RUN_FINAL
from widgets.attempts_pane import AttemptsPane
from widgets.dag_pane import DagPane
from widgets.log_pane import LogPane
from widgets.timeline_pane import TimelinePane

ACTIONS = {action.name: action for action in (RETRY_RUN, RETRY_FAILED, RETRY_JOB, CANCEL_RUN, CANCEL_JOB, APPROVE)}
DAG_SHARE = 0.45


class RunPage(Page):
    """Opens on the first failed job's log, else on a running one's; once the person chose a job, on that."""

    WORD = "Runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", show=False, id="run.back"),
        Binding("r", "act('retry_run')", "run again, all", show=False, id="run.retry"),
        Binding("R", "act('retry_failed')", "failed only", id="run.retry_failed"),
        Binding("ctrl+r", "act('retry_job')", "run this job again", show=False, id="job.retry"),
        Binding("c", "act('cancel_run')", "cancel", id="run.cancel"),
        Binding("C", "act('cancel_job')", "cancel this job", show=False, id="job.cancel"),
        Binding("a", "act('approve')", "approve", show=False, id="run.approve"),
        Binding("d", "dispatch", "start one like it", show=False, id="run.dispatch"),
        Binding(
            "less_than_sign", "attempt(-1)", "the attempt before", show=False, key_display="<", id="attempt.before"
        ),
        Binding(
            "greater_than_sign", "attempt(1)", "the attempt after", show=False, key_display=">", id="attempt.after"
        ),
        Binding("s", "save", "save the log", show=False, id="log.save"),
        Binding("o", "pager", "the log in $PAGER", show=False, id="log.pager"),
    ]

    def __init__(self, run: dict[str, Any], job_id: int | None = None) -> None:
        super().__init__()
        self.run: dict[str, Any] = run
        self.jobs: list[dict[str, Any]] = []
        self.attempts: list[dict[str, Any]] = []
        self.job: dict[str, Any] | None = None  # the selected one, with its attempts and their steps
        self.selected: int | None = job_id
        self.chosen: int | None = None  # the attempt that was asked for; None: the latest
        self._by_hand = job_id is not None
        self._log: tuple[int, int] | None = None  # whose log is open: job and attempt

    def body(self) -> ComposeResult:
        ascii = self.ui.ascii
        yield DagPane(ascii=ascii, id="dag")
        with Horizontal(id="below"):
            yield LogPane(ascii=ascii, id="log")
            with Vertical(id="beside"):
                yield TimelinePane(ascii=ascii, id="timeline")
                yield AttemptsPane(ascii=ascii, id="attempts")

    def on_mount(self) -> None:
        for pane, title in zip(self.panes(), ("Jobs", "Log", "Timeline", "Attempts"), strict=True):
            pane.border_title = title
        self.set_focus(self.query_one(DagPane))

    def panes(self) -> tuple[Widget, ...]:
        return tuple(self.query_one(kind) for kind in (DagPane, LogPane, TimelinePane, AttemptsPane))

    def crumbs(self) -> tuple[str, ...]:
        job = next((one["name"] for one in self.jobs if one["id"] == self.selected), "")
        tries = f"try {self.number}" if self.job is not None and self.job["attempts"] > 1 else ""
        way = (self.WORD, f"{self.run['workflow']} #{self.run['number']}", job, tries)
        return tuple(part for part in way if part)

    def aside(self) -> str:
        return presenter.heading(self.run, self.clock.now())

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
        now = self.clock.now()
        dag = self.query_one(DagPane)
        dag.show(presenter.dag_jobs(self.jobs, now))
        if self.selected is not None:
            dag.select(self.selected)
        self._fit_dag()
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
            self.query_one(DagPane).show(presenter.dag_jobs(self.jobs, self.clock.now()))

    def tick(self) -> None:
        if self.fetched and self.run["status"] not in RUN_FINAL:
            self.query_one(DagPane).show(presenter.dag_jobs(self.jobs, self.clock.now()))
            self._show_times()

    def _fit_dag(self) -> None:
        """Give the graph the height that it needs, as long as the log keeps more than that."""
        dag = self.query_one(DagPane)
        most = max(5, int(self.size.height * DAG_SHARE))
        height = min(most, dag.preferred_height + 2)
        if dag.styles.height is None or dag.styles.height.value != height:
            dag.styles.height = height

    def _show_times(self) -> None:
        now = self.clock.now()
        made = () if self.job is None else self.job["attempts_made"]
        again_at = None if self.job is None else self.job["next_attempt_at"]
        again_s = (instant(again_at) - now).total_seconds() if again_at else None
        self.query_one(AttemptsPane).show(presenter.attempt_rows(made, now), self.number, again_s)
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
            pane.show(None, ())
            return
        wanted = (self.job["id"], self.number)
        if self._log != wanted:
            self._log = wanted
            pane.show(JobLog(self.ui.session.client, *wanted), steps)
        else:
            pane.tell(steps)

    def on_dag_pane_selected(self, message: DagPane.Selected) -> None:
        if message.job_id != self.selected:
            self.selected, self.chosen, self._by_hand = message.job_id, None, True
            self.look_again(at_once=True)

    def on_dag_pane_opened(self, message: DagPane.Opened) -> None:
        self.on_dag_pane_selected(DagPane.Selected(message.job_id))
        self.set_focus(self.query_one(LogPane))

    def on_attempts_pane_chosen(self, message: AttemptsPane.Chosen) -> None:
        self.chosen = message.number
        self.present()

    def on_log_pane_copied(self, message: LogPane.Copied) -> None:
        self.ui.copy_out(message.text, message.lines)

    def on_resize(self, _: Resize) -> None:
        if self.fetched:
            self._fit_dag()

    def action_attempt(self, step: int) -> None:
        most = (self.job or {}).get("attempts", 0)
        if most and 1 <= self.number + step <= most:
            self.chosen = self.number + step
            self.present()

    def action_act(self, name: str) -> None:
        job = {"job": self.selected, "name": next((j["name"] for j in self.jobs if j["id"] == self.selected), "")}
        values = values_of(self.run)
        self.ui.act(ACTIONS[name], values | job if name.endswith("job") else values)

    def action_dispatch(self) -> None:
        self.ui.dispatch(self.run["repo"], self.run["workflow_path"])

    def action_back(self) -> None:
        self.dismiss(None)

    def action_save(self) -> None:
        if self._log is not None:
            self.ui.save_log(*self._log)

    def action_pager(self) -> None:
        if self._log is not None:
            self.ui.page_log(*self._log)
