"""A remote log as it grows: one stream, taken up again at the byte where the line dropped or the engine was restarted.

Nothing is asked for on a timer. The stream gives the bytes, and for each block the index tells what is new in it.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from app.cli.naming import is_over
from app.cli.output import talk
from app.cli.remote import AHEAD_BYTES, RemoteLog, RemoteQueries
from app.client import ApiError, Client, Query
from engine.core.errors import NoEngine

SILENCE_S = 60.0  # a line that says nothing for so long may be dead: it is made anew, which costs nothing
BACK_S = 1.0
PATIENCE = 600  # how often an engine that is away is asked again
Answer = TypeVar("Answer")


class Patient(Client):
    """A client that waits for an engine which is away, and asks again. Raises NoEngine when that takes too long."""

    def __init__(self, client: Client) -> None:
        super().__init__(client.where, client._connect)
        self._headers = client._headers

    def get(self, path: str, query: Query | None = None) -> Any:
        return self._again(lambda: super(Patient, self).get(path, query))

    def read(self, path: str, query: Query | None = None, start: int | None = None, end: int | None = None) -> bytes:
        return self._again(lambda: super(Patient, self).read(path, query, start, end))

    def _again(self, ask: Callable[[], Answer]) -> Answer:
        pause = threading.Event()
        for tries in range(PATIENCE):
            try:
                return ask()
            except (NoEngine, ApiError) as error:
                if not is_away(error):
                    raise
                if not tries:
                    talk(f"{error} Trying again.")
            pause.wait(BACK_S)
        return ask()


def is_away(error: Exception) -> bool:
    """Return whether it may be there again in a moment: it is gone, or says itself that it is being stopped."""
    return isinstance(error, NoEngine) or (isinstance(error, ApiError) and error.status == 503)


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
    patient, pause = Patient(client), threading.Event()
    log = FollowedLog(patient, job_id, attempt)
    while True:
        try:
            asked = {"attempt": attempt, "follow": 1, "offset": log.size}
            for block in client.stream(f"/jobs/{job_id}/logs", asked, SILENCE_S):
                log.take(block)
                yield log
        except (NoEngine, ApiError) as error:
            if not is_away(error):
                raise
        if is_over(RemoteQueries(patient), job_id, attempt):
            break
        pause.wait(BACK_S)
    for _ in log.rest():  # it may have grown between the stream's end and its own
        yield log
