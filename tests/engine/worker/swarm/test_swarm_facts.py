"""What `treadle doctor` and an executor know of a swarm before any job needs it."""

from pathlib import Path

import pytest

from app.cli.checks.executors import wants_swarm
from engine.core.errors import ExecutorUnavailable
from engine.settings.file import parse_settings
from engine.settings.model import Settings, SwarmSettings
from engine.worker.docker.client import DockerClient
from engine.worker.swarm.config import PIECE_BYTES, busybox_of, driver_env, kit_of
from engine.worker.swarm.facts import swarm_facts
from engine.worker.swarm.key import key_of
from tests.engine.worker.swarm_lab import a_swarm
from tests.page import FENCE, ROOT


def test_an_engine_outside_a_swarm_is_told_how_to_make_one(docker_client: DockerClient) -> None:
    inside = docker_client.api.info()["Swarm"]["LocalNodeState"] == "active"
    if not inside:
        with pytest.raises(ExecutorUnavailable, match="docker swarm init"):
            swarm_facts(docker_client, SwarmSettings())
    with a_swarm(docker_client):
        facts = swarm_facts(docker_client, SwarmSettings())
        assert facts.nodes >= 1
        assert not facts.host.startswith("127.")  # which no container could dial


def test_a_swarm_is_looked_at_when_jobs_may_run_there(tmp_path: Path) -> None:
    assert not wants_swarm(Settings(tmp_path))
    assert wants_swarm(Settings(tmp_path, executor="swarm"))
    assert wants_swarm(Settings(tmp_path, labels={"big": "swarm:debian:12"}))


def test_every_example_of_the_page_is_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "several-machines.md").read_text()
    found = [text for _, kind, text in FENCE.findall(page) if kind == "yaml"]
    assert len(found) == 2
    for text in found:
        assert parse_settings(tmp_path, tmp_path / "treadle.yml", text.encode(), {}) is not None


def test_a_program_that_needs_libraries_is_not_sent(tmp_path: Path) -> None:
    for name, data in (("script", b"#!/bin/sh\n"), ("dynamic", b"\x7fELF" + b"\0" * 99 + b"/lib64/ld-linux.so.2")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ExecutorUnavailable, match="static busybox"):
            busybox_of(str(tmp_path / name))
    with pytest.raises(ExecutorUnavailable, match="cannot be read"):
        busybox_of(str(tmp_path / "none"))


def test_a_kit_is_sent_in_pieces_that_a_config_holds(tmp_path: Path) -> None:
    busybox = bytes(2 * PIECE_BYTES + 7)
    kit = kit_of("home", key_of(tmp_path), busybox)
    assert b"".join(file.data for file in kit if "busybox" in file.target) == busybox
    assert max(len(file.data) for file in kit) < 500_000
    assert not any(b"PRIVATE" in file.data for file in kit)


def test_a_variable_of_the_driver_is_quoted_whatever_it_is() -> None:
    said = driver_env({"A": "it's {{.Node.ID}}", "B-C": "x y"}, None).decode()
    assert "export A='it'\"'\"'s {{.Node.ID}}'\n" in said
    assert "exec env 'B-C=x y' \"$6\" " in said
