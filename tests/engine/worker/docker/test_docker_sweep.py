"""What is left over in a real Docker Engine goes, what is used or somebody else's stays."""

import os
import secrets
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.core.clock import SystemClock
from engine.core.errors import ExecutorUnavailable
from engine.store.store import open_store
from engine.worker.docker.client import DockerClient
from engine.worker.docker.sweep import Attempt, DockerSweep
from engine.worker.housekeeper import Housekeeper
from engine.worker.last_use import LastUse

LATER = timedelta(minutes=11)


class Yard:
    """Things of a home of its own in the engine."""

    def __init__(self, client: DockerClient, image: str, uses: LastUse) -> None:
        self.client = client
        self.image = image
        self.home = secrets.token_hex(6)
        self.running: set[Attempt] = set()
        self.sweep = DockerSweep(client, self.home, lambda: self.running, uses)
        self.uses = uses

    def labels(self, job: int | None) -> dict[str, str]:
        of_job = {} if job is None else {"treadle.job": str(job), "treadle.attempt": "1"}
        return {"treadle": self.home, **of_job}

    def container(self, job: int | None, *, run: bool = False) -> str:
        api = self.client.api
        config = {"Image": self.image, "Entrypoint": ["sh"], "Cmd": ["-c", "sleep 60"], "Labels": self.labels(job)}
        made = api.create_container_from_config(config | {"HostConfig": {"NetworkMode": "none"}}, self.name("box", job))
        if run:
            api.start(made["Id"])
        return self.name("box", job)

    def network(self, job: int) -> str:
        self.client.api.create_network(self.name("net", job), driver="bridge", labels=self.labels(job))
        return self.name("net", job)

    def volume(self, job: int) -> str:
        self.client.api.create_volume(self.name("vol", job), labels=self.labels(job))
        return self.name("vol", job)

    def built(self, number: int) -> str:
        name = self.container(None)
        tag = f"treadle-test/{self.home}"
        changes = [f'LABEL treadle="{self.home}"', f'LABEL number="{number}"']
        self.client.api.commit(name, repository=tag, tag=str(number), changes=changes)
        self.client.api.remove_container(name, force=True)
        return f"{tag}:{number}"

    def name(self, kind: str, job: int | None) -> str:
        return f"treadle-{self.home}-{kind}-{job}"

    def swept(self, *, after: timedelta = LATER, images_bytes: int = 1 << 60) -> list[str]:
        now: datetime = SystemClock().now()
        return sorted(self.sweep.sweep(now + after, images_bytes))

    def clear(self) -> None:
        api, ours = self.client.api, {"label": [f"treadle={self.home}"]}
        for one in api.containers(all=True, filters=ours):
            api.remove_container(one["Id"], force=True, v=True)
        for one in api.networks(filters=ours):
            api.remove_network(one["Id"])
        for one in api.volumes(filters=ours)["Volumes"] or []:
            api.remove_volume(one["Name"])
        for one in api.images(filters=ours):
            api.remove_image(one["Id"], force=True)


@pytest.fixture
def yard(docker_client: DockerClient, docker_engine: str, tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(docker_client, docker_engine, LastUse(tmp_path))
    yield yard
    yard.clear()


@pytest.mark.docker
def test_what_belongs_to_no_running_attempt_goes_once_it_is_old_enough(yard: Yard) -> None:
    left = [yard.container(1), yard.container(2, run=True), yard.network(1), yard.volume(1)]
    yard.running.add((7, 1))
    for make in (yard.container, yard.network, yard.volume):
        make(7)
    yard.container(None, run=True)  # a network slot
    assert yard.swept(after=timedelta(0)) == [], "it may be somebody's in the making"
    told = yard.sweep.tell()
    assert (told.containers, told.running, told.networks, told.volumes) == (4, 2, 2, 2)
    assert yard.swept() == sorted(left)
    told = yard.sweep.tell()
    assert (told.containers, told.networks, told.volumes, told.images) == (2, 1, 1, 0)
    assert yard.swept() == []


@pytest.mark.docker
def test_what_is_another_homes_or_nobodys_is_not_touched(yard: Yard, docker_client: DockerClient) -> None:
    other = Yard(docker_client, yard.image, yard.uses)
    try:
        other.container(1)
        other.volume(1)
        assert yard.swept() == []
        assert (other.sweep.tell().containers, other.sweep.tell().volumes) == (1, 1)
    finally:
        other.clear()


@pytest.mark.docker
def test_a_network_that_is_in_use_is_let_be(yard: Yard) -> None:
    network = yard.network(1)
    yard.running.add((2, 1))
    name = yard.container(2, run=True)
    yard.client.api.disconnect_container_from_network(name, "none")
    yard.client.api.connect_container_to_network(name, network)
    assert yard.swept() == []
    yard.running.clear()
    assert yard.swept() == sorted([network, name])


@pytest.mark.docker
def test_built_images_keep_to_their_size_and_one_without_a_name_goes(yard: Yard) -> None:
    tags = [yard.built(number) for number in (1, 2, 3)]
    size = yard.sweep.tell().images_bytes
    assert yard.sweep.tell().images == 3
    assert yard.swept(images_bytes=size) == []
    [gone] = yard.swept(images_bytes=size - 1)
    assert gone in tags
    yard.client.api.tag(tags[-1] if gone != tags[-1] else tags[0], f"treadle-test/{yard.home}", "other")
    assert yard.swept(images_bytes=size) == []


@pytest.mark.docker
def test_of_built_images_the_one_goes_that_was_not_used_for_longest(yard: Yard, tmp_path: Path) -> None:
    tags = [yard.built(number) for number in (1, 2, 3)]
    for tag in (tags[1], tags[2], tags[0]):
        yard.uses.note(tag)
    notes = {tag: tmp_path / "cache" / "images" / tag.replace("/", "%").replace(":", "@") for tag in tags}
    for number, tag in enumerate((tags[1], tags[2], tags[0])):
        os.utime(notes[tag], (number, 2e9 + number))
    assert yard.swept(images_bytes=yard.sweep.tell().images_bytes - 1) == [tags[1]]
    assert [tag for tag, note in notes.items() if not note.exists()] == [tags[1]]


def test_the_housekeeper_asks_nobody_that_no_job_has_needed(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", create=True)
    asked: list[int] = []
    wanted = threading.Event()

    def sweep() -> list[str]:
        asked.append(1)
        raise ExecutorUnavailable("No engine answers.", "Start it.")

    keeper = Housekeeper(store, SystemClock(), wanted.is_set, sweep, lambda: None, lambda: True)
    keeper.tick()
    assert asked == []
    wanted.set()
    keeper.tick()
    assert asked == [1], "an engine that is away is asked again in an hour"
    keeper.start()
    keeper.stop()
    store.close()
