"""Finds and ends whatever a job on this machine has left, and starts its driver so that nothing can slip away.

Runs also as a program of its own, with the standard library alone, so that a driver outlives the engine:
    python -IS sweep.py drive FOLDER COMMAND...   become the driver, a parent to all orphans below it
    python -IS sweep.py sweep MARK DRIVER         end everything of that box but the driver
"""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

MARK = "TREADLE_BOX"  # an environment variable, inherited by all that a job starts
ROUNDS = 50  # a process that forks faster than this kills is beyond a sweep
_PR_SET_CHILD_SUBREAPER = 36


def processes() -> Iterator[int]:
    """Yield the ids of all processes."""
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def stat_fields(pid: int) -> tuple[str, int, str]:
    """Return state, parent and start time (with `pid` a lasting name). Raises OSError when it is gone."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return fields[0].decode(), int(fields[1]), fields[19].decode()


def marks() -> Iterator[tuple[int, str]]:
    """Yield (process, its box's mark) for every process that bears one."""
    prefix = f"{MARK}=".encode()
    for pid in processes():
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue  # gone, or another user's
        for entry in environ.split(b"\0"):
            if entry.startswith(prefix):
                yield pid, entry[len(prefix) :].decode(errors="replace")


def below(root: int) -> set[int]:
    """Return all processes that descend from `root`, itself excluded."""
    children: dict[int, list[int]] = {}
    for pid in processes():
        try:
            state, parent, _ = stat_fields(pid)
        except (OSError, IndexError):
            continue
        if state != "Z":
            children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    todo = [root]
    while todo:
        fresh = set(children.get(todo.pop(), ())) - found
        found |= fresh
        todo += fresh
    return found


def sweep(mark: str, driver: int | None, spare: frozenset[int] = frozenset()) -> None:
    """Kill all that bears `mark` or descends from `driver`, over and over until nothing is left. Spares `spare`."""
    for _ in range(ROUNDS):
        victims = {pid for pid, its in marks() if its == mark}
        victims |= below(driver) if driver is not None else set()
        victims -= spare | {os.getpid()}
        if not victims:
            return
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it went by itself
        select.select([], [], [], 0.002)  # the dead need a moment to go


def main(arguments: list[str]) -> None:
    match arguments:
        case ["drive", folder, *command]:
            os.chdir(folder)
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)  # Python ignores them, a job must not
            # Orphans become children of the driver, also those that left their session and their environment.
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            os.execvp(command[0], command)
        case ["sweep", mark, driver]:
            sweep(mark, int(driver), frozenset({int(driver)}))


if __name__ == "__main__":
    main(sys.argv[1:])
