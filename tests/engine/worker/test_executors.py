"""The executors of a home as they are made, swept and asked again, with engines that fail."""

from collections.abc import Iterable

import pytest

from engine.core.errors import EngineError
from engine.worker.executors import Executors
from engine.worker.fake_executor import FakeExecutor


class Failing(FakeExecutor):
    """Answers, and then fails with `error` when it is to tell what is left over."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__(lambda run: 0)
        self._error = error

    def strays(self, known: Iterable[str]) -> list[str]:
        if self._error is not None:
            raise self._error
        return super().strays(known)


def executors(*made: Failing) -> Executors:
    """Return executors of which each one that is made is the next of `made`."""
    to_come = iter(made)
    found = Executors({"docker": lambda: next(to_come)}, set)
    found.own()
    return found


def test_an_executor_that_could_not_be_swept_gives_back_what_it_took() -> None:
    """A swarm's listens at a port, which the next one would find taken."""
    failing, sound = Failing(EngineError("A task of the service does not end.")), Failing(None)
    found = executors(failing, sound)
    with pytest.raises(EngineError):
        found.get("docker")
    assert failing.closed
    assert found.get("docker") is sound
    assert not sound.closed


def test_an_engine_that_goes_away_while_it_is_swept_is_asked_again() -> None:
    found = executors(*(Failing(ConnectionError("gone")) for _ in range(2)), Failing(None))
    found.clear("docker")
    assert not found.ask_again()
    assert found.ask_again()


def test_what_could_not_be_removed_is_swept_before_the_executor_is_left() -> None:
    swept: list[str] = []

    class Owing(Failing):
        def strays(self, known: Iterable[str]) -> list[str]:
            swept.append("swept")
            return []

    owing = Owing(None)
    found = executors(owing)
    found.get("docker")
    found.close()
    assert swept == ["swept"], "it owed nothing"
    owing.left_behind = True
    found = executors(owing)
    found.get("docker")
    found.close()
    assert swept == ["swept"] * 3
