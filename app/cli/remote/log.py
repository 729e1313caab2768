"""A log of an engine elsewhere: its index and its bytes, asked for as they are read."""

from app.cli.asked import translated
from app.cli.remote.records import entry_of
from app.client import ApiError, Client
from engine.store.logs.index import Entry

AHEAD_BYTES = 1 << 20


class RemoteLog:
    """A log over the API: its index as it grows, its bytes read ahead."""

    def __init__(self, client: Client, job_id: int, attempt: int) -> None:
        self._client = client
        self._path = f"/jobs/{job_id}/logs"
        self._attempt = attempt
        self._entries: list[Entry] = []
        self._start, self._block = 0, b""
        self._size = 0
        self._begin()

    def _begin(self) -> None:
        try:
            self._look()
        except ApiError as error:
            if error.status == 404:
                raise FileNotFoundError(str(error)) from error
            raise

    @property
    def size(self) -> int:
        self._look()
        return self._size

    def entries(self) -> list[Entry]:
        return self._entries

    def read(self, start: int, end: int) -> bytes:
        if start < self._start or end > self._start + len(self._block):
            stop = max(end, min(self._size, start + AHEAD_BYTES))
            with translated(self._client):
                self._block = self._client.read(self._path, {"attempt": self._attempt}, start, stop)
            self._start = start
        return self._block[start - self._start : end - self._start]

    def close(self) -> None:
        """Nothing is open between two questions."""

    def _look(self) -> None:
        """Take in what has come. What is announced and not written yet may be taken back: that is left for later."""
        while True:
            query = {"attempt": self._attempt, "after": len(self._entries)}
            with translated(self._client):
                told = self._client.get(f"{self._path}/index", query)
                self._size = told["size"]
                page = [entry_of(one) for one in told["entries"]]
            for entry in page:
                if entry.end > self._size:
                    return
                self._entries.append(entry)
            if not told["more"]:
                return
