"""Who waits for a network slot, and who does not."""

import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine.worker.docker.client import DockerClient
from engine.worker.docker.slots import Slots

pytestmark = pytest.mark.docker


class Hand:
    """A clock that is moved by hand."""

    at_s = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at_s, UTC)

    def monotonic_s(self) -> float:
        return self.at_s


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def slots(docker_engine: str, clock: Hand) -> Iterator[Slots]:
    """One slot, that is free."""
    client = DockerClient()
    made = Slots(client, f"test{secrets.token_hex(4)}", 1, clock)
    made.want(1, docker_engine)
    made.settle()
    yield made
    made.close()
    client.close()


def use(slots: Slots, clock: Hand, seconds: float) -> None:
    slot = slots.take()
    assert slot is not None
    clock.at_s += seconds
    slots.give(slot)


def test_a_box_waits_for_a_slot_that_boxes_have_for_a_short_time(slots: Slots, clock: Hand) -> None:
    use(slots, clock, 1.9)
    slot = slots.take()
    assert slot is not None
    threading.Timer(0.05, slots.give, [slot]).start()
    assert slots.take() == slot


@pytest.mark.parametrize("crowd", [False, True])
def test_nobody_waits_for_slots_that_long_jobs_have(slots: Slots, clock: Hand, crowd: bool) -> None:
    use(slots, clock, 600.0)
    slot = slots.take()
    assert slot is not None
    assert slots.take(crowd) is None
