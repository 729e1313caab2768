"""A real terminal in a test's hands: tmux with a server of its own, and a shell in it that knows `treadle`.

    with terminal(folder) as it:
        it.line("treadle --home here")
        it.shows("Runs")

Nothing here sleeps for a while and hopes: everything waits, with a deadline, for what is on the screen.
"""

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 30.0
LOOK_S = 0.05
NUMBERS = itertools.count(1)


@dataclass
class Terminal:
    """One window with a shell in it, in `folder`. `environment` is all that the shell gets."""

    folder: Path
    environment: Mapping[str, str]
    name: str
    lines_written: int = 0

    def tmux(self, *words: str) -> str:
        """Ask tmux for something."""
        done = subprocess.run(
            ["tmux", "-L", self.name, "-u", "-f", "/dev/null", *words],
            capture_output=True, text=True, check=False, env=dict(self.environment), timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, f"tmux {' '.join(words)}: {done.stderr}"
        return done.stdout

    @property
    def text(self) -> str:
        """What stands in the window."""
        return self.tmux("capture-pane", "-p")

    @property
    def painted(self) -> str:
        """What stands in the window, with the control sequences that paint it so."""
        return self.tmux("capture-pane", "-p", "-e")

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def of_pane(self, what: str) -> str:
        """Return what tmux knows of the window: `alternate_on`, `cursor_flag`, `pane_pid`."""
        return self.tmux("display-message", "-p", f"#{{{what}}}").strip()

    def press(self, *keys: str) -> None:
        """Press keys by the names that tmux has for them: `Enter`, `Escape`, `C-c`, `a`."""
        self.tmux("send-keys", *keys)

    def write(self, text: str) -> None:
        """Write a text in one burst, as quick fingers do."""
        self.tmux("send-keys", "-l", text)

    def line(self, command: str) -> None:
        """Have the shell carry out a command on an empty screen; `left` waits for its end."""
        self.lines_written += 1
        self.write(f" clear; {command}; echo LEFT {self.lines_written} WITH $?")
        self.press("Enter")

    def record(self, path: Path) -> None:
        """Keep every byte that comes into the window from now on."""
        self.tmux("pipe-pane", "-O", f"cat >> {path}")

    def command(self, *words: str, code: int = 0) -> str:
        """Carry out a command beside the window, in its folder; return what it says."""
        done = subprocess.run(
            words, cwd=self.folder, env=dict(self.environment), capture_output=True, text=True, check=False,
            timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == code, f"{' '.join(words)}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def until(self, so: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        """Wait until something is so. Fails with what is on the screen instead."""
        end_s = time.monotonic() + patience_s
        while not so():
            assert time.monotonic() < end_s, f"it did not come about; in the terminal:\n{self.text}"
            threading.Event().wait(LOOK_S)

    def shows(self, *words: str) -> None:
        """Wait until all these words are in the window."""
        self.until(lambda: (text := self.text) is not None and all(word in text for word in words))

    def hides(self, *words: str) -> None:
        """Wait until none of these words is in the window."""
        self.until(lambda: not any(word in self.text for word in words))

    def left(self, code: int = 0) -> None:
        """Wait until the line has ended, with this exit code."""
        ended = re.compile(rf"^LEFT {self.lines_written} WITH (\d+)", re.MULTILINE)
        self.until(lambda: ended.search(self.text))
        assert ended.findall(self.text) == [str(code)], self.text

    def process(self) -> int:
        """Return the id of the process that the shell runs."""
        shell = self.of_pane("pane_pid")
        children = Path(f"/proc/{shell}/task/{shell}/children")
        self.until(children.read_text)
        return int(children.read_text().split()[0])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that the shell runs."""
        os.kill(self.process(), number)

    def modes(self) -> tuple[str, ...]:
        """Return how the terminal stands, for a program that should leave it as it was."""
        names = ("alternate_on", "cursor_flag", "mouse_any_flag", "keypad_flag", "wrap_flag", "pane_in_mode")
        return (*map(self.of_pane, names), self._line_discipline())

    def close(self) -> None:
        """Close the window, as a person does: whatever runs in it is hung up on."""
        self.tmux("kill-server")

    def _line_discipline(self) -> str:
        tty = Path(self.of_pane("pane_tty"))
        with tty.open() as file:
            return subprocess.run(["stty", "-g"], stdin=file, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def terminal(folder: Path, size: tuple[int, int] = (140, 40), **environment: str) -> Iterator[Terminal]:
    """Open a window of this size. Its shell stands in `folder` and has no more of this environment than it needs."""
    if shutil.which("tmux") is None:
        if os.environ.get("TREADLE_REQUIRE_DOCKER") == "1":
            pytest.fail("There is no tmux.", pytrace=False)
        pytest.skip("There is no tmux.")
    tools = folder / ".tools"
    tools.mkdir(exist_ok=True)
    command = tools / "treadle"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m app.cli.main "$@"\n')
    command.chmod(0o755)
    told = {
        "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(folder), "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color", "PS1": "$ ", "SHELL": "/bin/sh", "TEXTUAL_ANIMATIONS": "none", **environment,
    }  # fmt: skip
    made = Terminal(folder, told, f"treadle-test-{os.getpid()}-{next(NUMBERS)}")
    width, height = map(str, size)
    made.tmux("new-session", "-d", "-s", "it", "-x", width, "-y", height, "-c", str(folder), "/bin/sh", "-i")
    try:
        made.shows("$")
        yield made
    finally:
        subprocess.run(["tmux", "-L", made.name, "kill-server"], capture_output=True, check=False)
        Path(os.environ.get("TMUX_TMPDIR", "/tmp"), f"tmux-{os.getuid()}", made.name).unlink(missing_ok=True)
