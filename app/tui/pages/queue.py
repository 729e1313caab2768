"""The queue: workers and what they run, what waits and why; pausing it, and putting a job forward."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.client import Change
from app.tui.actions import CANCEL_JOB, PAUSE, PRIORITY, RESUME
from app.tui.explaining import explain
from app.tui.list_page import ListPage
from app.tui.presenters import forecast
from app.tui.presenters import queue as presenter
from widgets.row_list import Row, RowList

STEP = 10  # what one key adds to a priority


class QueuePage(ListPage):
    WORD = "Queue"
    PACE_S = 3.0  # a pause, and another priority, are no changes of a status
    COLUMNS = presenter.COLUMNS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", f"priority({STEP})", "sooner", key_display="+", id="queue.forward"),
        Binding("minus", f"priority(-{STEP})", "later", key_display="-", id="queue.back"),
        Binding("P", "pause", "pause or resume", id="queue.pause"),
        Binding("c", "cancel", "cancel (again: now)", id="queue.cancel"),
        Binding("x", "explain", "why it waits, or runs", show=False, id="queue.explain"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.queue: dict[str, Any] = {"workers": [], "waiting": [], "paused": None}

    async def fetch(self) -> None:
        self.queue = await self.ask(self.ui.session.client.get, "/queue", {"limit": 500})
        self.ui.began(self.queue["sequence"])
        self.ui.bells.late(forecast.lateness(list(self.jobs().values()), self.clock.now()))

    def rows(self) -> Sequence[Row]:
        return presenter.queue_rows(self.queue, self.clock.now())

    def aside(self) -> str:
        said = presenter.standing(self.queue) if self.fetched else ""
        return "  ".join(part for part in (super().aside(), said) if part)

    def concerns(self, change: Change) -> bool:
        return change.data["type"] in ("job", "run")

    def tick(self) -> None:
        self.present()

    def jobs(self) -> dict[int, dict[str, Any]]:
        """Return the jobs in view, by id."""
        worked = (worker["job"] for worker in self.queue["workers"])
        return {job["id"]: job for job in (*worked, *self.queue["waiting"]) if job is not None}

    def action_priority(self, step: int) -> None:
        jobs = self.jobs()
        self.ui.act(
            PRIORITY,
            *(
                {"job": id, "name": jobs[id]["name"], "priority": jobs[id]["priority"] + step}
                for id in self.chosen()
                if id in jobs
            ),
        )

    def action_pause(self) -> None:
        self.ui.act(RESUME if self.queue["paused"] else PAUSE, {"name": "the queue"})

    def action_cancel(self) -> None:
        jobs = self.jobs()
        chosen = [jobs[id] for id in self.chosen() if id in jobs]
        told = ({"job": job["id"], "name": job["name"], "ending": bool(job["cancel_asked_at"])} for job in chosen)
        self.ui.act(CANCEL_JOB, *told)
        self.list.unmark()

    def action_explain(self) -> None:
        job = self.jobs().get(self.list.cursor_id) if isinstance(self.list.cursor_id, int) else None
        if job is not None:
            explain(self.ui, ("job", job["id"]), ("run", job["run"]))

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        job = self.jobs().get(message.id) if isinstance(message.id, int) else None
        if job is not None:
            self.ui.open_job(job["run"], job["id"])


PAGE = QueuePage
