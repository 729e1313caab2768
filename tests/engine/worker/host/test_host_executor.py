"""Boxes on this machine: what the contract of all executors does not say."""

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.engine.worker.conftest import Bench


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_box_that_is_forgotten_without_an_end_gives_its_descriptor_back(host_bench: "Bench") -> None:
    session = host_bench.open()
    spec, box_id = host_bench.spec(), session.box.id
    gc.collect()
    before = descriptors()
    for _ in range(3):
        assert host_bench.executor.adopt(spec, box_id) is not None  # as for a box that is held, and for its end later
    gc.collect()
    assert descriptors() == before


def test_the_end_of_a_driver_is_not_waited_for_in_a_pipe_that_took_the_place_of_its_events(host_bench: "Bench") -> None:
    spec = host_bench.spec()
    session = host_bench.open(spec)
    events = spec.folder / "channel" / "ev"
    events.unlink()
    os.mkfifo(events)
    session.box.kill()
    box = host_bench.executor.adopt(spec, session.box.id)
    assert box is not None and box.exited() is not None
