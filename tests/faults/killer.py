"""A process that plays stories in children of its own, each of which may be killed at one of its writes.

It reads a line of JSON for each play, {"story", "root", "kill": [noun, from, cause, side] or null}, and answers with
how the child ended: `killed`, `ended`, or `failed`. The child is a whole engine: threads are made after the fork.
"""

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.store import transitions
from engine.store.database import Database
from tests.faults.stories import STORIES

BEFORE, AFTER = "before", "after"


def kill_at(noun: str, before: str, cause: str, side: str) -> None:
    """Have this process killed right before, or right after, the first commit of such a change."""
    record, write = transitions._record, Database.write
    armed = False

    def recorded(a_noun: str, run_id: int, a_before: str, status: str, change: Any, **where: Any) -> None:
        nonlocal armed
        record(a_noun, run_id, a_before, status, change, **where)
        armed = armed or (a_noun, a_before, change.cause) == (noun, before, cause)

    @contextmanager
    def written(database: Database, **how: bool) -> Iterator[None]:
        outermost = not database._db.in_transaction()
        with write(database, **how):
            yield
            if outermost and armed and side == BEFORE:
                os.kill(os.getpid(), signal.SIGKILL)
        if outermost and armed:
            os.kill(os.getpid(), signal.SIGKILL)

    transitions._record = recorded
    Database.write = written  # type: ignore[method-assign]


def play(story: str, root: Path, kill: list[str] | None) -> int:
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        said = os.open(root / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in (1, 2):
            os.dup2(said, number)
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
        if kill:
            kill_at(*kill)
        STORIES[story](root).run_to_the_end()
        code = 0
    except BaseException:
        logging.exception("the story failed")
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        status = play(asked["story"], Path(asked["root"]), asked["kill"])
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else "failed" if status else "ended", flush=True)


if __name__ == "__main__":
    main()
