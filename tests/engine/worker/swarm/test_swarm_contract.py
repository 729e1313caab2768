"""The port's contract (test_executor_contract.py), held by tasks of a swarm."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.settings.model import SwarmSettings
from tests.engine.worker.swarm_lab import SwarmBench, bench_in, left_in_swarm, with_port
from tests.engine.worker.swarm_lab import swarm as swarm
from tests.engine.worker.test_executor_contract import *  # noqa: F403


@pytest.fixture
def bench(docker_engine: str, swarm: SwarmSettings, tmp_path: Path) -> Iterator[SwarmBench]:
    bench = bench_in(tmp_path, docker_engine, with_port(swarm))
    yield bench
    bench.close()
    assert left_in_swarm(bench.home_id) == []


@pytest.fixture
def real_bench(bench: SwarmBench) -> SwarmBench:
    return bench
