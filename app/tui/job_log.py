"""The log of one attempt, as the log pane reads it, over whichever line the client speaks."""

from datetime import datetime
from typing import Any

from app.client import ApiError, Client, Query
from engine.core.errors import NoEngine
from widgets.log_source import LogPart, Mark, Unavailable

GONE = (400, 401, 403, 404)


class JobLog:
    """A LogSource. An engine that is away, or being stopped, makes the log Unavailable for the time."""

    def __init__(self, client: Client, job_id: int, attempt: int, title: str = "") -> None:
        self.title = title or f"job {job_id}, attempt {attempt}"
        self.job_id = job_id
        self.attempt = attempt
        self._client = client
        self._path = f"/jobs/{job_id}/logs"

    def part(self, after: int, wait_s: float) -> LogPart:
        told = self._get("/lines", {"attempt": self.attempt, "after": after, "wait": round(wait_s)})
        marks = tuple(Mark(*mark) for mark in told["marks"])
        return LogPart(told["start"], told["size"], tuple(told["lines"]), marks, told["ended"])

    def read(self, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        try:
            return self._client.read(self._path, {"attempt": self.attempt}, start, end)
        except NoEngine as error:
            raise Unavailable(str(error)) from error
        except ApiError as error:
            if error.status == 416:  # it is shorter than that
                return b""
            raise _unavailable(error) from error

    def times(self, start: int, end: int) -> tuple[tuple[int, datetime], ...]:
        told = self._get("/times", {"attempt": self.attempt, "start": start, "end": end})
        return tuple((offset, datetime.fromisoformat(at)) for offset, at in told["times"])

    def _get(self, path: str, query: Query) -> Any:
        try:
            return self._client.get(self._path + path, query)
        except NoEngine as error:
            raise Unavailable(str(error)) from error
        except ApiError as error:
            raise _unavailable(error) from error


def _unavailable(error: ApiError) -> Unavailable:
    return Unavailable(str(error), for_good=error.status in GONE)
