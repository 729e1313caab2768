"""Does what an engine may be silent over for minutes on a thread aside, so that who waits for it can leave."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from engine.worker.executor import Say

LOOK_S = 0.1


def aside(work: Callable[[Say], None], say: Say, look: Callable[[], None]) -> None:
    """Do `work`, and pass on what it says; raise what it does. `look` is called all the while and may raise to leave:
    the work then goes on for whoever wants it next, and nobody hears of it."""
    lines: SimpleQueue[str] = SimpleQueue()
    failed: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            work(lines.put)
        except BaseException as error:
            failed.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="docker-aside", daemon=True).start()
    while not done.wait(LOOK_S) or not lines.empty():
        while not lines.empty():
            say(lines.get())
        look()
    if failed:
        raise failed[0]


def await_turn(lock: threading.Lock, look: Callable[[], None]) -> None:
    """Take a lock, as soon as whoever has it is done; `look` may raise to give up."""
    while not lock.acquire(timeout=LOOK_S):
        look()
