"""A program that a person runs in a box, with a terminal or without: the port, and what is kept of what it shows."""

import os
from dataclasses import field
from pathlib import Path
from typing import Protocol

from engine.core.clock import Clock, rfc3339
from engine.worker.log.secrets_mask import Mask
from engine.worker.steps.script import Surroundings
from pipelines.records import dataclass

RECORD_BYTES = 64 << 20  # of one attempt: what is shown beyond it is not kept
# Puts what GITHUB_PATH added in front, goes to the directory, and becomes the command, or the best shell there is.
BEGIN = """
if [ -n "${TREADLE_PATH_PREFIX-}" ]; then PATH="$TREADLE_PATH_PREFIX:$PATH"; export PATH; fi
cd "$TREADLE_SHELL_CWD" 2>/dev/null || echo "treadle: there is no $TREADLE_SHELL_CWD any more" >&2
unset TREADLE_PATH_PREFIX TREADLE_SHELL_CWD
if [ $# -gt 0 ]; then exec "$@"; fi
if command -v bash >/dev/null 2>&1; then exec bash; fi
exec sh
"""


@dataclass(frozen=True, slots=True)
class ShellSpec:
    """What to run where: `command` is empty for the best shell that is there. `terminal` is its TERM, '' for none."""

    surroundings: Surroundings
    command: tuple[str, ...] = ()
    terminal: str = ""
    size: tuple[int, int] = (24, 80)

    @property
    def argv(self) -> list[str]:
        return ["sh", "-c", BEGIN, "sh", *self.command]

    @property
    def env(self) -> dict[str, str]:
        more = {"TERM": self.terminal} if self.terminal else {}
        return {**self.surroundings.env, **more, "TREADLE_SHELL_CWD": self.surroundings.cwd}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a program has written: to its terminal or standard output, or to its standard error."""

    data: bytes
    is_error: bool = False


class Shell(Protocol):
    """A program that has been started. One thread at a time, but `resize` may come from any."""

    def fileno(self) -> int:
        """Return the descriptor that is readable when there may be something to `receive`."""

    @property
    def has_more(self) -> bool:
        """Whether there is something to `receive` that the descriptor does not tell of."""

    def receive(self) -> list[Shown] | None:
        """Return what has come, once the descriptor is readable; None at the end."""

    def send(self, data: bytes) -> None:
        """Give it input; waits until it has taken all."""

    def end_input(self) -> None:
        """Tell it that no more input comes."""

    def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal a new size."""

    def exit_code(self) -> int:
        """Return how it ended, once `receive` has told of the end."""

    def close(self) -> None:
        """Give everything back; what still runs loses its terminal."""


@dataclass
class Record:
    """What shells into one attempt have shown, one after another, with secrets hidden.

    Terminal and standard error are masked apart: what comes in between does not show a half of a secret.
    """

    path: Path
    mask: Mask
    clock: Clock
    _fd: int = field(default=-1, init=False)

    def begin(self, actor: str, command: tuple[str, ...]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._streams = {is_error: self.mask.stream() for is_error in (False, True)}
        what = " ".join(command) or "a shell"
        self._line(f"##[section]{rfc3339(self.clock.now())} {actor}: {what}")

    def add(self, shown: Shown) -> None:
        self._put(self._streams[shown.is_error].feed(shown.data))

    def end(self, exit_code: int | None) -> None:
        """End the session: None when its line broke off."""
        try:
            for stream in self._streams.values():
                self._put(stream.flush())
            how = "the line broke off" if exit_code is None else f"exit code {exit_code}"
            self._line(f"\n##[section]{rfc3339(self.clock.now())} {how}")
        finally:
            os.close(self._fd)

    def _line(self, text: str) -> None:
        self._put(self.mask.text(f"{text}\n").encode("utf-8", "surrogateescape"))

    def _put(self, data: bytes) -> None:
        if data and os.fstat(self._fd).st_size < RECORD_BYTES:
            os.write(self._fd, data)
