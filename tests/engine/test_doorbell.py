"""The doorbell: how a command wakes the engine of another process."""

import stat
import threading
from pathlib import Path

import pytest

from engine.doorbell import Doorbell, ring


class Heard:
    def __init__(self) -> None:
        self.times = threading.Semaphore(0)

    def __call__(self) -> None:
        self.times.release()


@pytest.fixture(params=["home", "a-folder-with-a-name-of-some-length/" * 8 + "home"], ids=["near", "deep"])
def home(request, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    path.mkdir(parents=True)
    return path


def test_a_ring_is_heard_however_deep_the_home_lies(home):
    heard = Heard()
    bell = Doorbell(home, heard)
    bell.start()
    for _ in range(3):
        assert ring(home)
        assert heard.times.acquire(timeout=30)
    bell.stop()
    assert not (home / "treadle.bell").exists()


def test_without_an_engine_nobody_hears(home):
    assert ring(home) is False
    assert ring(home / "nowhere") is False
    bell = Doorbell(home, Heard())
    bell.start()
    bell.stop()
    assert ring(home) is False


def test_what_a_killed_engine_left_is_in_nobodys_way(home):
    left = Doorbell(home, Heard())
    left._socket.close()
    assert (home / "treadle.bell").exists()
    assert ring(home) is False
    heard = Heard()
    bell = Doorbell(home, heard)
    bell.start()
    assert ring(home)
    assert heard.times.acquire(timeout=30)
    bell.stop()


def test_the_doorbell_is_its_owners_alone(home):
    bell = Doorbell(home, Heard())
    bell.start()
    assert stat.S_IMODE((home / "treadle.bell").stat().st_mode) == 0o600
    bell.stop()


def test_ringing_never_waits_for_an_engine_that_is_slow_to_answer(home):
    bell = Doorbell(home, Heard())  # not started: nobody reads
    assert all(ring(home) for _ in range(2000))
    bell.start()
    bell.stop()


def test_a_doorbell_whose_file_is_gone_can_be_stopped(home):
    bell = Doorbell(home, Heard())
    bell.start()
    (home / "treadle.bell").unlink()
    bell.stop()
