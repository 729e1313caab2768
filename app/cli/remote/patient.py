"""A client that outlasts a restart of its engine."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from app.cli.output import talk
from app.client import ApiError, Client, Query
from engine.core.errors import NoEngine

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
