"""The port's contract (test_executor_contract.py), held by containers of Podman."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.worker.conftest import Bench, leftovers, make
from tests.engine.worker.test_executor_contract import *  # noqa: F403


@pytest.fixture
def bench(podman: str, tmp_path: Path) -> Iterator[Bench]:
    bench = make("docker", tmp_path, podman)
    yield bench
    bench.close()
    assert leftovers(bench.home_id) == []


@pytest.fixture
def real_bench(bench: Bench) -> Bench:
    return bench


@pytest.fixture
def docker_bench(bench: Bench) -> Bench:
    return bench
