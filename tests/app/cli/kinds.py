"""`treadle run` in real processes, on this machine and in containers, and what tests ask of a home afterwards."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.home import home_id
from engine.store.store import open_store
from tests.app.cli.treadle_process import Treadle
from tests.engine.worker.conftest import leftovers

BOTH = pytest.mark.parametrize("kind", ["host", pytest.param("docker", marks=pytest.mark.docker)])
OTHER = "on: workflow_dispatch\njobs: {o: {runs-on: here, steps: [{run: echo other}]}}"
GATED = """
    jobs:
      a:
        runs-on: here
        steps:
          - run: echo begun; until [ -e gate ]; do sleep .05; done; echo went on
    """


@pytest.fixture
def treadle(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Treadle]:
    """On this machine, or for a test with `kind` docker in containers; afterwards nothing may be left of its home."""
    kind = getattr(request.node, "callspec", None) and request.node.callspec.params.get("kind")
    if kind == "docker":
        image = request.getfixturevalue("docker_engine")
        treadle = Treadle(tmp_path, ("--label", f"here={image}"))
    else:
        treadle = Treadle(tmp_path)
    yield treadle
    treadle.close()
    if kind == "docker":
        assert leftovers(home_id(treadle.home)) == []
    assert processes_of(treadle.home) == []
    left = [str(path.relative_to(treadle.home)) for path in (treadle.home / "work").rglob("*")]
    assert not left, left  # nobody rewrites the asserts of this file


def processes_of(home: Path) -> list[str]:
    """The command lines of processes that bear the mark of a home's boxes."""
    mark = home_id(home)
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TREADLE_BOX", "").startswith(mark):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def follow(treadle: Treadle) -> None:
    """Have engines run until run 1 has ended."""
    for _ in range(20):
        if job_facts(treadle)["status"] in ("success", "failed"):
            return
        assert treadle.run("other.yml").returncode == 0
    raise AssertionError("run 1 never ended")


def open_gate(treadle: Treadle, kind: str) -> None:
    """Let the gated steps go on, wherever they run."""
    if kind == "host":
        for job in (treadle.home / "work").iterdir():
            (job / "workspace" / "gate").touch()
        return
    boxes = subprocess.run(
        ["docker", "ps", "-q", "--filter", f"label=treadle={home_id(treadle.home)}", "--filter", "label=treadle.job"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    for box in boxes:
        subprocess.run(["docker", "exec", box, "touch", "gate"], check=True, capture_output=True)


def job_facts(treadle: Treadle) -> dict[str, Any]:
    """What the store knows of the job of run 1."""
    store = open_store(treadle.home)
    try:
        [job] = store.queries.jobs(1)
        return {"status": str(job.status), "attempts": job.attempts, "deadline_at": job.deadline_at,
                "retries": job.retry_count, "kinds": [a.kind for a in store.queries.attempts(job.id)]}  # fmt: skip
    finally:
        store.close()
