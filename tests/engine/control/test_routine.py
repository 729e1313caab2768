"""What every thread of the control plane can rely on. Real threads; a turn and a sleep are signals to the test."""

import queue
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from engine.control.routine import LONGEST_NAP_S, LONGEST_PAUSE_S, LONGEST_REST_S, PAUSE_S, REST, Routine
from engine.core.clock import SystemClock
from engine.core.errors import StoreBusy
from tests.engine.fakes import START, Lab

Answer = datetime | None | Exception


class Scripted(Routine):
    """Takes turns as it is told, and tells how it sleeps after each: on its listener, or deaf to it."""

    def __init__(self, lab: Lab) -> None:
        super().__init__("scripted", lab.store, lab.bus, lab.clock, "topic")
        self.script: queue.Queue[Answer] = queue.Queue()
        self.sleeps: queue.Queue[tuple[str, float | None]] = queue.Queue()
        self._on: queue.Queue[None] = queue.Queue()
        self._listener.wait = lambda timeout_s=None: self._sleep("listening", timeout_s)  # type: ignore[method-assign]
        self._stopped.wait = lambda timeout_s=None: self._sleep("deaf", timeout_s)  # type: ignore[method-assign]

    def turn(self) -> datetime | None:
        answer = self.script.get(timeout=30)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _sleep(self, how: str, timeout_s: float | None) -> bool:
        self.sleeps.put((how, timeout_s))
        self._on.get(timeout=30)
        return True

    def after(self, answer: Answer) -> tuple[str, float | None]:
        """Have one turn end so, and return the sleep that follows."""
        self.script.put(answer)
        slept = self.sleeps.get(timeout=30)
        self._on.put(None)
        return slept

    def stop(self) -> None:
        self._stopped.set()
        self.script.put(None)
        self._on.put(None)
        super().stop()


@pytest.fixture
def routine(lab: Lab) -> Iterator[Scripted]:
    routine = Scripted(lab)
    routine.start()
    yield routine
    routine.stop()


def test_it_sleeps_until_something_is_due_and_for_ever_if_nothing_is(routine: Scripted) -> None:
    assert routine.after(None) == ("listening", None)
    assert routine.after(START + timedelta(seconds=7)) == ("listening", 7)
    assert routine.after(START - timedelta(seconds=7)) == ("listening", 0)


def test_a_nap_lasts_no_longer_than_a_minute_for_the_machine_may_sleep_meanwhile(routine: Scripted) -> None:
    assert routine.after(START + timedelta(days=1)) == ("listening", LONGEST_NAP_S)


def test_errors_are_told_and_each_in_a_row_is_followed_by_a_longer_pause(routine: Scripted, caplog) -> None:
    pauses = [routine.after(ValueError(f"oh {number}")) for number in range(6)]
    assert pauses == [("listening", PAUSE_S), *(("deaf", pause) for pause in (2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE_S))]
    assert "oh 0" in caplog.text and "oh 5" in caplog.text and "scripted" in caplog.text


def test_a_good_turn_forgets_the_errors_before_it(routine: Scripted) -> None:
    for _ in range(3):
        routine.after(ValueError("oh"))
    assert routine.after(None) == ("listening", None)
    assert routine.after(ValueError("oh")) == ("listening", PAUSE_S)


def test_a_busy_store_is_a_line_and_no_traceback(routine: Scripted, caplog) -> None:
    assert routine.after(StoreBusy("treadle.db stayed locked.")) == ("listening", PAUSE_S)
    assert "scripted: treadle.db stayed locked. Trying again." in caplog.text
    assert "Traceback" not in caplog.text


class Failing(Routine):
    def __init__(self, lab: Lab, turned: Callable[[], None]) -> None:
        super().__init__("failing", lab.store, lab.bus, lab.clock, "topic")
        self._turned = turned

    def turn(self) -> datetime | None:
        self._turned()
        raise ValueError("always")


def test_a_pause_does_not_hold_up_the_end(lab: Lab) -> None:
    turns: queue.Queue[None] = queue.Queue()
    routine = Failing(lab, lambda: turns.put(None))
    routine.start()
    turns.get(timeout=30)
    lab.bus.wake("topic")  # cuts the first pause short
    turns.get(timeout=30)
    routine.stop()
    assert turns.empty()


class Busy(Routine):
    """Takes a millisecond for a turn, on a real clock."""

    def __init__(self, lab: Lab) -> None:
        super().__init__("busy", lab.store, lab.bus, SystemClock(), "topic")
        self.seen = self.turns = 0
        self.happened = 0

    def turn(self) -> datetime | None:
        seen = self.happened
        time.sleep(0.001)
        self.seen, self.turns = seen, self.turns + 1
        return None


def test_what_comes_in_a_storm_is_taken_together_and_none_of_it_is_missed(lab: Lab) -> None:
    routine = Busy(lab)
    began_s = time.monotonic()
    routine.start()
    try:
        for routine.happened in range(1, 1001):
            lab.bus.wake("topic")
            time.sleep(0.0002)
        until_s = time.monotonic() + 30
        while routine.seen < 1000 and time.monotonic() < until_s:
            time.sleep(0.001)
        assert routine.seen == 1000
        assert routine.turns < (time.monotonic() - began_s) / 0.003
    finally:
        routine.stop()


def test_what_comes_alone_waits_for_nothing(routine: Scripted, lab: Lab) -> None:
    """The rest after a turn that took long is over before the next thing comes."""
    routine._listener.wait = lambda timeout_s=None: lab.clock.advance(1) or routine._sleep("listening", timeout_s)  # type: ignore[method-assign]
    for _ in range(3):
        assert routine.after(None) == ("listening", None)


def test_a_rest_is_a_few_times_as_long_as_the_turn_before_it_and_soon_over(lab: Lab) -> None:
    for took_s, rest_s in ((0.002, REST * 0.002), (1.0, LONGEST_REST_S)):
        routine = Scripted(lab)
        turn = routine.turn

        def slow_turn(turn: Callable[[], datetime | None] = turn, took_s: float = took_s) -> datetime | None:
            due = turn()
            lab.clock.advance(took_s)
            return due

        routine.turn = slow_turn  # type: ignore[method-assign]
        routine.start()
        assert routine.after(None) == ("listening", None)
        how, slept_s = routine.sleeps.get(timeout=30)
        routine._on.put(None)
        assert (how, slept_s) == ("deaf", pytest.approx(rest_s))
        routine.stop()
