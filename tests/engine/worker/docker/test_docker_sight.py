"""Whether a real Docker Engine sees a home, and what is said when it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.core.errors import ExecutorUnavailable
from engine.worker.docker.client import DockerClient
from engine.worker.docker.executor import DockerExecutor
from engine.worker.docker.sight import check_sight

ROOT = Path(__file__).resolve().parents[4]
LOOK = "import pathlib, sys\nfrom engine.worker.docker.sight import check_sight\ncheck_sight(pathlib.Path(sys.argv[1]))"


def test_a_home_that_the_engine_sees_is_left_as_it_was(tmp_path: Path, docker_client: DockerClient) -> None:
    check_sight(tmp_path, docker_client)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount what the engine does not see")
def test_a_home_that_the_engine_does_not_see_is_told_before_any_job(
    tmp_path: Path, docker_client: DockerClient
) -> None:
    hidden = f"mount -t tmpfs none {tmp_path} && exec {sys.executable} -c '{LOOK}' {tmp_path}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hidden], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert f"The Docker Engine does not see the home {tmp_path}, so that no job can start." in done.stderr


def test_an_executor_of_a_home_that_cannot_be_written_is_not_available(
    tmp_path: Path, docker_client: DockerClient
) -> None:
    with pytest.raises(ExecutorUnavailable, match="cannot be written: No such file"):
        DockerExecutor("home", home=tmp_path / "nowhere").check()


def test_an_engine_elsewhere_is_told_from_one_that_looks_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(ExecutorUnavailable):  # nobody answers there
        check_sight(tmp_path)
    assert list(tmp_path.iterdir()) == []
