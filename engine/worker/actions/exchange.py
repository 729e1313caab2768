"""Files that an action and the box hand to each other. The box may be hostile: no link, pipe or giant is believed."""

import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from engine.worker.actions.port import ActionError
from engine.worker.plain_file import folder_fd, open_plain


class ExchangeSite(Protocol):
    """Whoever hands files over: where the exchange folder is, from outside and as the box sees it."""

    @property
    def exchange(self) -> Path: ...

    @property
    def exchange_inside(self) -> str: ...


class Exchange:
    """The exchange folder during one step: what is made through it is gone at the end. Use as a context manager."""

    def __init__(self, site: ExchangeSite) -> None:
        self._inside = site.exchange_inside
        self._folder = folder_fd(site.exchange)
        self._mine: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in self._mine:
            try:
                os.unlink(name, dir_fd=self._folder)
            except OSError:
                pass  # never made, or the box has put a folder there: it goes with the attempt
        os.close(self._folder)

    def fresh(self) -> str:
        """Return a name that nothing bears yet."""
        self._mine.append(secrets.token_hex(8))
        return self._mine[-1]

    def inside(self, name: str) -> str:
        """Return where the box sees `name`."""
        return f"{self._inside}/{name}"

    def create(self, name: str) -> BinaryIO:
        """Open a new file for writing that the box may read, whoever it runs as."""
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=self._folder)
        os.fchmod(fd, 0o644)
        return os.fdopen(fd, "w+b")

    def write(self, name: str, data: bytes) -> str:
        """Make a file and return where the box sees it."""
        with self.create(name) as out:
            out.write(data)
        return self.inside(name)

    def open(self, name: str) -> BinaryIO:
        """Open what the box has written. Raises ActionError when it is anything but a plain file."""
        try:
            return open_plain(name, self._folder)
        except OSError as error:
            raise ActionError(f"The box did not hand over a file: {error.strerror}.") from None

    def read(self, name: str, limit_bytes: int) -> bytes:
        """Return what the box has written. Raises ActionError when it is more than `limit_bytes`."""
        with self.open(name) as file:
            data = file.read(limit_bytes + 1)
        if len(data) > limit_bytes:
            raise ActionError(f"The box handed over more than {limit_bytes} bytes.")
        return data

    def mark(self, name: str) -> bool:
        """Leave a mark for later steps of this attempt; return whether it is new."""
        try:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=self._folder))
        except FileExistsError:
            return False
        return True
