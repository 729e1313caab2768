"""What the person asked for and has not seen the end of: told by bell and notification while they look elsewhere; and
what takes much longer than usual."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from app.client import Change
from app.tui.actions import DISPATCH, RETRY_FAILED, RETRY_RUN, Action
from engine.core.states import RUN_FINAL
from widgets.glyphs import look
from widgets.safe_text import plain

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp


class Bell:
    """Keeps the runs that this session started, and how they ended. `away`: the terminal has lost the focus."""

    def __init__(self, app: "TreadleApp") -> None:
        self._app = app
        self._events: set[int] = set()
        self._late: set[tuple[int, int]] = set()  # job and attempt
        self.away = False
        self.started: dict[int, str] = {}  # run: its status as heard last

    def asked(self, action: Action, values: Mapping[str, Any], answer: Any) -> None:
        """Take note of what a question began."""
        if action in (RETRY_RUN, RETRY_FAILED):
            self.started[int(values["run"])] = "queued"
        elif action is DISPATCH and isinstance(answer, dict) and "id" in answer:
            self.started[int(answer["id"])] = str(answer.get("status", "queued"))

    def heard(self, change: Change) -> None:
        """Follow the runs of this session to their end, and ring for it if nobody looks."""
        told = change.data
        if told.get("type") != "run" or told.get("run") not in self.started:
            return
        status = str(told["status"])
        self.started[told["run"]] = status
        if status in RUN_FINAL and self.away:
            self.ring(f"{told.get('name', 'run')} r{told['run']}: {look(status).word}")

    def late(self, told: Iterable[tuple[int, int, str]]) -> None:
        """Tell once of each attempt that takes much longer than its job does: job, attempt, sentence."""
        for job_id, attempt, sentence in told:
            if (job_id, attempt) not in self._late:
                self._late.add((job_id, attempt))
                self._app.tell(sentence)
                self.ring(sentence)

    def ring(self, text: str) -> None:
        """Ring, and notify by OSC 9 (through tmux as well, where it lets that pass)."""
        self._app.bell()
        note = f"\x1b]9;{plain(text)}\x07"
        if os.environ.get("TMUX"):
            note = "\x1bPtmux;" + note.replace("\x1b", "\x1b\x1b") + "\x1b\\"
        driver = self._app._driver
        if driver is not None and self._app.is_web is False:
            driver.write(note)
