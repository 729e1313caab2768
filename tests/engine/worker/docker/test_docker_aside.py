"""What is waited for aside can be left, and tells all that it said and how it failed."""

import threading

import pytest

from engine.worker.docker.aside import aside, await_turn
from engine.worker.executor import Say


class Left(Exception):
    """Somebody wants to leave."""


def leave() -> None:
    raise Left


def nobody() -> None:
    """Nobody wants to leave."""


def test_all_that_the_work_said_is_passed_on_in_order_on_the_thread_that_waits() -> None:
    said: list[tuple[str, int]] = []

    def work(say: Say) -> None:
        for number in range(50):
            say(str(number))

    aside(work, lambda line: said.append((line, threading.get_ident())), nobody)
    assert said == [(str(number), threading.get_ident()) for number in range(50)]


def test_what_the_work_raises_is_raised_where_it_is_waited_for() -> None:
    def work(say: object) -> None:
        raise ZeroDivisionError("oh")

    with pytest.raises(ZeroDivisionError, match="oh"):
        aside(work, print, nobody)


def test_who_waits_for_silent_work_can_leave() -> None:
    never = threading.Event()
    with pytest.raises(Left):
        aside(lambda say: never.wait(60) and None, print, leave)
    never.set()


def test_who_waits_for_a_turn_can_leave() -> None:
    lock = threading.Lock()
    await_turn(lock, leave)
    with pytest.raises(Left):
        await_turn(lock, leave)
