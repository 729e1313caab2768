"""The parts beside an engine: started late and in order, stopped in reverse, whenever the stop comes."""

import threading
from collections.abc import Iterator

import pytest

from engine import beside
from engine.beside import Beside


class Told:
    """A part that tells what becomes of it."""

    def __init__(self, name: str, said: list[str], up: threading.Event | None = None) -> None:
        self._name, self._said, self._up = name, said, up

    def start(self) -> None:
        self._said.append(f"{self._name} starts")
        if self._up is not None:
            self._up.set()

    def stop(self) -> None:
        self._said.append(f"{self._name} stops")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "BEHIND_S", 0.0)


def test_parts_start_in_order_and_stop_in_reverse() -> None:
    said: list[str] = []
    up = threading.Event()
    parts = Beside(lambda: iter([Told("a", said), Told("b", said, up)]))
    parts.start()
    assert up.wait(30)
    parts.stop()
    assert said == ["a starts", "b starts", "b stops", "a stops"]


def test_a_stop_while_a_part_is_made_stops_that_part_and_makes_no_other() -> None:
    said: list[str] = []
    making, go_on = threading.Event(), threading.Event()

    def made() -> Iterator[Told]:
        yield Told("a", said)
        making.set()
        assert go_on.wait(30)
        yield Told("b", said)
        said.append("c is made")

    parts = Beside(made)
    parts.start()
    assert making.wait(30)
    stop = threading.Thread(target=parts.stop)
    stop.start()
    assert parts._stopped.wait(30)
    go_on.set()
    stop.join(30)
    assert said == ["a starts", "b starts", "b stops", "a stops"]


def test_an_engine_that_stops_soon_makes_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "BEHIND_S", 3600.0)
    said: list[str] = []

    def made() -> Iterator[Told]:
        said.append("a is made")
        yield Told("a", said)

    parts = Beside(made)
    parts.start()
    parts.stop()
    assert said == []
