"""The engine in a container of its own, its jobs beside it: from a signed delivery over a restart to a green status.

The container is a bare one that borrows this machine's Python. With TREADLE_TEST_IMAGE=NAME it is that image instead,
as `deploy/Dockerfile` makes it.
"""

import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.client import Client
from engine.home import home_id
from engine.worker.docker.client import DockerClient
from tests.engine.control.post_office import Site
from tests.engine.git.forge import GitForge

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="the container's root must be able to read the tests' folder"),
]
ROOT = Path(__file__).resolve().parents[3]
IMAGE = os.environ.get("TREADLE_TEST_IMAGE")
SECRET, TOKEN = "hook-s3cret", "forge-t0ken"
STOP_S = 10
WORKFLOW = """
name: CI
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: |
          echo begun
          until [ -e /tmp/go-on ]; do sleep 0.05; done
          cat hello.txt
"""


@dataclass
class Boat:
    """The engine's container: `home` lies at the same path on both sides, unless a test says otherwise."""

    docker: Any
    home: Path
    port: int
    id: str = ""

    def start(self, *, at: Path | None = None, image: str = "") -> str:
        """Start it; return what it has said by the time it is ready."""
        if not self.id:
            inside = at or self.home
            borrowed = (
                []
                if IMAGE
                else [f"{path}:{path}:ro" for path in sorted({"/usr", sys.prefix, sys.base_prefix, str(ROOT)})]
            )
            binds = ["/var/run/docker.sock:/var/run/docker.sock", f"{self.home}:{inside}", *borrowed]
            config = {
                "Image": IMAGE or image,
                "Env": [
                    *(f"{name}={value}" for name, value in (("HOOK_SECRET", SECRET), ("FORGE_TOKEN", TOKEN))),
                    *(f"TREADLE_HOME={inside}", f"HOME={inside}"),
                    *(() if IMAGE else (f"PYTHONPATH={ROOT}", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1")),
                ],
                "HostConfig": {"Binds": binds, "NetworkMode": "host"},
                "Labels": {"treadle-test": "engine"},
            }
            if not IMAGE:
                config["Cmd"] = [sys.executable, "-m", "app.cli.main", "--headless"]
            self.id = self.docker.create_container_from_config(config, None)["Id"]
        since = time.time()
        self.docker.start(self.id)
        return self.until("Listening on", since)

    def until(self, words: str, since: float) -> str:
        command = ["docker", "logs", "--follow", "--since", f"{since:.6f}", self.id]
        said = ""
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as logs:
            assert logs.stdout is not None
            for line in logs.stdout:
                said += line
                if words in line:
                    logs.kill()
                    return said
        raise AssertionError(f"it ended without {words!r}: {said}")

    def stop(self) -> tuple[int, float]:
        """Stop it as `docker stop` does; return its exit code and how long that took."""
        began = time.monotonic()
        self.docker.stop(self.id, timeout=STOP_S + 5)
        return self.docker.inspect_container(self.id)["State"]["ExitCode"], time.monotonic() - began

    def jobs(self) -> list[str]:
        """The containers of running jobs."""
        label = [f"treadle={home_id(self.home)}", "treadle.job"]
        return [one["Id"] for one in self.docker.containers(filters={"label": label})]

    def deliver(self, sha: str) -> int:
        """Post a push as Gitea does; return the answer's status."""
        body = json.dumps({
            "ref": "refs/heads/main", "before": "0" * 40, "after": sha,
            "repository": {"full_name": "team/site", "default_branch": "main"}, "pusher": {"login": "ada"},
        }).encode()  # fmt: skip
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json", "X-Gitea-Event": "push", "X-Gitea-Delivery": "d1",
            "X-Gitea-Signature": signature,
        }  # fmt: skip
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request("POST", "/hooks/team/site", body, headers)
            return line.getresponse().status
        finally:
            line.close()


@contextmanager
def boat(client: DockerClient, home: Path, forge: GitForge | None = None) -> Iterator[Boat]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home.mkdir()
    url = f"{forge.url}/team/site.git" if forge else "/nowhere"
    (home / "treadle.yml").write_text(
        f"listen: 127.0.0.1:{port}\npublic_url: https://ci.example\nlabels: {{ubuntu-latest: treadle-test/debian:1}}\n"
        f"repos: [{{name: team/site, url: {url}, forge: gitea, secret: '${{HOOK_SECRET}}',"
        " token: '${FORGE_TOKEN}'}]\n"
    )
    found = Boat(client.api, home, port)
    try:
        yield found
    finally:
        if found.id:
            client.api.remove_container(found.id, force=True, v=True)
        for job in found.jobs():
            client.api.remove_container(job, force=True, v=True)


def test_a_push_is_built_beside_the_engine_over_a_restart_and_told_to_the_forge(
    tmp_path: Path, docker_client: DockerClient, docker_debian: str
) -> None:
    site = Site(tmp_path / "site")
    sha = site.commit(ci=WORKFLOW, hello__txt="hello from the commit\n")
    (tmp_path / "forge/team").mkdir(parents=True)
    (tmp_path / "forge/team/site.git").symlink_to(site.root / ".git")
    forge = GitForge(tmp_path / "forge", TOKEN)
    try:
        with boat(docker_client, tmp_path / "home", forge) as engine:
            said = engine.start(image=docker_debian)
            assert "cannot run" not in said
            assert engine.deliver(sha) == 202
            forge.until(lambda told: any("Running" in one["description"] for one in told))
            client = Client.of_home(engine.home)
            for block in client.stream("/jobs/1/logs", {"follow": 1}, 30):
                if b"begun" in block:
                    break
            code, seconds = engine.stop()
            assert (code, seconds < STOP_S) == (0, True)
            [job] = engine.jobs()  # goes on by itself
            run = docker_client.api.exec_create(job, ["touch", "/tmp/go-on"])["Id"]
            docker_client.api.exec_start(run)
            engine.start()
            told = forge.until(lambda told: told[-1]["state"] != "pending")
            log = client.read("/jobs/1/logs").decode()
            assert log.endswith("begun\nhello from the commit\n")
            assert client.get("/jobs/1")["attempts"] == 1
            assert engine.stop()[0] == 0
    finally:
        forge.close()
    assert {where for where, _ in forge.statuses} == {sha}
    assert [told[0]["state"], told[-1]["state"]] == ["pending", "success"]
    assert {one["target_url"] for one in told} == {"https://ci.example/runs/1"}
    assert {one["context"] for one in told} == {"treadle/CI"}


def test_a_home_that_lies_elsewhere_outside_is_told_at_the_start(
    tmp_path: Path, docker_client: DockerClient, docker_debian: str
) -> None:
    with boat(docker_client, tmp_path / "home") as engine:
        began = time.time()
        engine.start(at=Path("/elsewhere"), image=docker_debian)
        said = engine.until("both sides", began)
        assert "Jobs in containers cannot run: The Docker Engine does not see the home /elsewhere" in said
        assert "`--volume /elsewhere:/elsewhere`" in said
