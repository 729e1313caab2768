"""`treadle shell JOB`: a shell where a step failed, or runs: with its user, its directory and its variables."""

import argparse
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from app.cli.given import actor_here
from app.cli.naming import JOB_HELP, find_job
from app.cli.output import talk
from app.cli.place import home_of

if TYPE_CHECKING:
    from engine.worker.mending.shells import RecordedShell

READ_BYTES = 1 << 16


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help=JOB_HELP)
    parser.add_argument("command", nargs="*", metavar="CMD", help="a command instead of a shell, behind `--`")


def execute(args: argparse.Namespace) -> int:
    from app.cli.repo_names import settings_here
    from engine.core.clock import SystemClock
    from engine.doorbell import ring
    from engine.store.store import open_store
    from engine.worker.mending.shells import open_shell

    home = home_of(args)
    store = open_store(home)
    try:
        job = find_job(store.queries, args.job)
        on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        terminal = os.environ.get("TERM", "dumb") if on_terminal else ""
        size = os.get_terminal_size() if on_terminal else os.terminal_size((80, 24))
        shell = open_shell(
            store, settings_here(args), job, actor_here(), SystemClock(), tuple(args.command), terminal,
            (size.lines, size.columns),
        )  # fmt: skip
        ring(home)
        if on_terminal and not args.command:
            talk(f"In job {job.name} (j{job.id}); what is shown here is kept, with its secrets hidden.")
        try:
            return talk_with(shell, on_terminal)
        finally:
            shell.close()
    finally:
        store.close()


def talk_with(shell: "RecordedShell", on_terminal: bool) -> int:
    """Pass on what the person types and what the program shows, until its end; return its exit code."""
    with ExitStack() as stack:
        wakes = stack.enter_context(_size_changes(shell)) if on_terminal else -1
        if on_terminal:
            stack.enter_context(_raw(sys.stdin.fileno()))
        return _pass_on(shell, sys.stdin.fileno(), wakes)


def _pass_on(shell: "RecordedShell", given: int, wakes: int) -> int:
    watched = [shell.fileno(), given, *([wakes] if wakes >= 0 else [])]
    ready = [shell.fileno()] if shell.has_more else []
    while True:
        if shell.fileno() in ready:
            shown = shell.receive()
            if shown is None:
                return shell.exit_code()
            for one in shown:
                _show(2 if one.is_error else 1, one.data)
        if wakes in ready:
            os.read(wakes, READ_BYTES)
        if given in ready:
            data = _typed(given)
            if data:
                shell.send(data)
            else:
                shell.end_input()
                watched.remove(given)
        ready = select.select(watched, [], [])[0]


def _typed(fd: int) -> bytes:
    try:
        return os.read(fd, READ_BYTES)
    except OSError:  # the terminal is gone
        return b""


def _show(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


@contextmanager
def _raw(fd: int) -> Iterator[None]:
    """Have every key reach the program as it is, and the terminal given back afterwards as it was."""
    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextmanager
def _size_changes(shell: "RecordedShell") -> Iterator[int]:
    """Tell the program each new size of the terminal; gives a descriptor that wakes a wait when there is one."""
    read, write = os.pipe()

    def changed(*_: object) -> None:
        size = os.get_terminal_size()
        shell.resize(size.lines, size.columns)
        os.write(write, b"\0")

    before = signal.signal(signal.SIGWINCH, changed)
    try:
        yield read
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(read)
        os.close(write)
