"""The webhook inbox: every event, its verdicts, why nothing ran, and planning it once more."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.client import Change
from app.tui.actions import REPLAY
from app.tui.explaining import explain
from app.tui.list_page import ListPage
from app.tui.presenters import events as presenter
from engine.core.errors import EngineError
from widgets.row_list import Row, RowList
from widgets.text_screen import TextScreen

LIMIT = 200


class EventsPage(ListPage):
    WORD = "Events"
    PACE_S = 3.0  # an event that starts nothing is in no stream of changes
    COLUMNS = presenter.COLUMNS
    EMPTY = "No event has come in yet.\nA webhook, a commit of a watched repository or a schedule makes one."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "replay", "plan it once more", id="event.replay"),
        Binding("v", "runs", "its run", id="event.runs"),
        Binding("x", "explain", "why", id="event.explain"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []

    async def fetch(self) -> None:
        self.events = (await self.ask(self.ui.session.client.get, "/inbox", {"limit": LIMIT}))["inbox"]

    def rows(self) -> Sequence[Row]:
        return presenter.event_rows(self.events, self.clock.now())

    def concerns(self, change: Change) -> bool:
        return bool(change.data["type"] == "run")

    def tick(self) -> None:
        self.list.change(self.rows())

    def action_replay(self) -> None:
        chosen = set(self.chosen())
        events = [event for event in self.events if event["id"] in chosen]
        self.ui.act(REPLAY, *({"event": event["id"], "name": f"event {event['id']}"} for event in events))
        self.list.unmark()

    def action_runs(self) -> None:
        event = next((one for one in self.events if one["id"] == self.list.cursor_id), None)
        if event is not None and event["runs"]:
            self.ui.open_job(event["runs"][0]["id"], None)
        else:
            self.ui.tell("Nothing ran for this event; enter tells why.")

    def action_explain(self) -> None:
        if isinstance(self.list.cursor_id, int):
            explain(self.ui, ("event", self.list.cursor_id))

    async def on_row_list_opened(self, message: RowList.Opened) -> None:
        try:
            event = await self.ask(self.ui.session.client.get, f"/inbox/{message.id}")
        except EngineError as error:
            self.ui.tell(str(error), bad=True)
            return
        self.ui.push_screen(TextScreen(f"Event {event['id']}", presenter.whole(event), ascii=self.ui.ascii))


PAGE = EventsPage
