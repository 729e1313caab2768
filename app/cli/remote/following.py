"""A remote log as it grows: one stream, taken up again at the byte where the line dropped or the engine was restarted.

Nothing is asked for on a timer. The stream gives the bytes, and for each block the index tells what is new in it.
"""

import threading
from collections.abc import Iterator

from app.cli.asked import SILENCE_S
from app.cli.reads import is_over
from app.cli.remote import patient
from app.cli.remote.log import AHEAD_BYTES, RemoteLog
from app.cli.remote.patient import Patient, is_away
from app.cli.remote.queries import RemoteQueries
from app.client import ApiError, Client
from engine.core.errors import NoEngine


class FollowedLog(RemoteLog):
    """As much of a log as its stream has brought. Who reads it asks for nothing more, so no answer can be missed."""

    def _begin(self) -> None:
        """Nothing is known of it yet."""

    @property
    def size(self) -> int:
        return self._start + len(self._block)

    def read(self, start: int, end: int) -> bytes:
        return self._block[start - self._start : end - self._start]

    def take(self, block: bytes) -> None:
        """Add what the stream brought, and learn what it is. What could be read before is forgotten."""
        done = next((entry.end for entry in reversed(self._entries) if entry.end <= self.size), self._start)
        self._block, self._start = self._block[done - self._start :] + block, done
        self._look()

    def rest(self) -> Iterator[None]:
        """Add what the stream did not bring of a log that is over, in parts."""
        try:
            self._look()
        except ApiError as error:
            if error.status == 404:
                return  # there is none: its attempt never began
            raise
        while self.size < self._size:
            end = min(self._size, self.size + AHEAD_BYTES)
            self.take(self._client.read(self._path, {"attempt": self._attempt}, self.size, end))
            yield
        yield


def follow(client: Client, job_id: int, attempt: int) -> Iterator[RemoteLog]:
    """Yield a log whenever more of it has come, each byte once, until it is over. Raises NoEngine and ApiError."""
    waiting, pause = Patient(client), threading.Event()
    log = FollowedLog(waiting, job_id, attempt)
    while True:
        try:
            asked = {"attempt": attempt, "follow": 1, "offset": log.size}
            for block in client.stream(f"/jobs/{job_id}/logs", asked, SILENCE_S):  # made anew, which costs nothing
                log.take(block)
                yield log
        except (NoEngine, ApiError) as error:
            if not is_away(error):
                raise
        if is_over(RemoteQueries(waiting), job_id, attempt):
            break
        pause.wait(patient.BACK_S)
    for _ in log.rest():  # it may have grown between the stream's end and its own
        yield log
