"""Finding the engine, and the sentence when it is not there. Needs none."""

import os
from pathlib import Path

import pytest

from engine.core.errors import ExecutorUnavailable
from engine.worker.docker.client import find_socket
from engine.worker.docker.executor import DockerExecutor


@pytest.mark.parametrize(
    ("environ", "there", "found"),
    [
        ({"DOCKER_HOST": "tcp://box:1"}, {"/var/run/docker.sock"}, "tcp://box:1"),
        ({}, {"/var/run/docker.sock", "/run/podman/podman.sock"}, "unix:///var/run/docker.sock"),
        ({"XDG_RUNTIME_DIR": "/r"}, {"/r/docker.sock", "/run/podman/podman.sock"}, "unix:///r/docker.sock"),
        ({"XDG_RUNTIME_DIR": "/r"}, {"/r/podman/podman.sock"}, "unix:///r/podman/podman.sock"),
        ({}, {"/run/podman/podman.sock"}, "unix:///run/podman/podman.sock"),
        ({}, set(), None),
    ],
)
def test_the_engine_is_looked_for_where_it_may_be(environ: dict[str, str], there: set[str], found: str | None) -> None:
    assert find_socket(environ, lambda path: str(path) in there) == found


def test_an_engine_that_does_not_run_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(ExecutorUnavailable, match=r"^No Docker Engine answers at unix://.*none\.sock") as info:
        DockerExecutor("home").check()
    assert "DOCKER_HOST" in info.value.fix


@pytest.mark.skipif(os.geteuid() == 0, reason="root is let in everywhere")
def test_a_socket_that_lets_nobody_in_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir(mode=0o000)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/closed/docker.sock")
    with pytest.raises(ExecutorUnavailable, match="does not let this user in") as info:
        DockerExecutor("home").check()
    assert "group" in info.value.fix
