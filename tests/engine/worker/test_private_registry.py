"""Images that only a login may have, from a real registry that checks passwords."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.worker.docker.client import DockerClient
from tests.engine.works import Works

# Debian's package docker-registry. The password of `ada` is `right-pass-77`.
REGISTRY = shutil.which("docker-registry")
USERS = "ada:$2y$05$uAz/.PbKdQEODBs8veIV4efIpfDZYUuR.OMIF1u//ww4JjQIVwu9S\n"
CONFIG = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: here, path: {folder}/users}}}}
"""
JOB = """
    container:
      image: {image}
      credentials: {{username: ada, password: "${{{{ secrets.PASSWORD }}}}"}}
    steps: [run: echo "> within"]
    """
PATIENCE_S = 30.0

pytestmark = [pytest.mark.docker, pytest.mark.skipif(REGISTRY is None, reason="there is no docker-registry here")]


@pytest.fixture
def private(tmp_path: Path, docker_client: DockerClient, docker_engine: str) -> Iterator[str]:
    """An image in a registry of its own, which is not here."""
    assert REGISTRY is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "users").write_text(USERS)
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, port=port))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([REGISTRY, "serve", folder / "config.yml"], stdout=log, stderr=log)
    api, name = docker_client.api, f"127.0.0.1:{port}/priv/box"
    try:
        until_it_listens(port)
        api.tag(docker_engine, name, "1")
        pushed = api.push(name, "1", auth_config={"username": "ada", "password": "right-pass-77"})
        assert "error" not in pushed, pushed
        api.remove_image(f"{name}:1")
        yield f"{name}:1"
    finally:
        server.terminate()
        server.wait()
        with suppress(Exception):
            api.remove_image(f"{name}:1", force=True)


def until_it_listens(port: int) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end_s, "the registry does not start"
        os.sched_yield()


def written(folder: Path) -> bytes:
    """All that a home has on its disk, but for what is sealed, which no text can be found in."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_right_password_gets_the_image_and_is_found_nowhere(docker_works: Works, private: str) -> None:
    ended = docker_works.run(JOB.format(image=private), secrets={"PASSWORD": "right-pass-77"})
    assert ended.said() == ["within"], ended.log()
    assert f"Pull image {private}, as ada" in ended.log()
    assert b"right-pass" not in written(docker_works.settings.home)


def test_a_service_is_pulled_with_credentials_of_its_own(docker_works: Works, private: str) -> None:
    service = "{image: %s, command: sleep 600, credentials: {username: ada, password: '${{ secrets.PASSWORD }}'}}"
    text = f'services: {{box: {service % private}}}\nsteps: [run: echo "> beside"]'
    ended = docker_works.run(text, secrets={"PASSWORD": "right-pass-77"})
    assert ended.said() == ["beside"], ended.log()
    assert b"right-pass" not in written(docker_works.settings.home)


def test_a_wrong_password_is_told_with_the_user_and_without_itself(docker_works: Works, private: str) -> None:
    ended = docker_works.run(JOB.format(image=private), secrets={"PASSWORD": "wrong-pass-99"})
    assert ended.statuses == {"a": "failed"}
    [error] = ended.errors()
    assert f"The image {private} is neither here nor can it be pulled: unauthorized" in error
    assert "does not let ada have it with the password in `credentials:`" in error
    assert ended.attempts()[0].reason == error
    assert b"wrong-pass" not in written(docker_works.settings.home)


def test_without_a_login_it_says_how_to_give_one(docker_works: Works, private: str) -> None:
    ended = docker_works.run(f"container: {private}\nsteps: [run: x]")
    assert "log in with `docker login`, or give `credentials:` beside `image:`" in ended.errors()[0]


def test_a_secret_that_is_not_set_is_asked_for(docker_works: Works, private: str) -> None:
    ended = docker_works.run(JOB.format(image=private))
    assert ended.errors() == ["container.credentials: the password is empty; is its secret set?"]
