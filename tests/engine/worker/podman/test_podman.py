"""What differs on Podman and must not show: workspaces, networks, services. Whole jobs, nothing left behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.home import home_id
from tests.engine.worker.conftest import Bench, leftovers, make, settings_for
from tests.engine.works import Works

STORY = """
on: push
jobs:
  make:
    runs-on: here
    services:
      web: {image: "busybox:latest", entrypoint: httpd, command: -f -p 80}
    steps:
      - uses: actions/checkout@v4
      - run: ls .*/workflows/* && echo made > page.txt
      - run: until wget -q -O - web:80 2>&1 | grep -q 404; do sleep 0.1; done
      - uses: actions/upload-artifact@v4
        with: {name: page, path: page.txt}
  use:
    runs-on: here
    needs: make
    steps:
      - uses: actions/download-artifact@v4
        with: {name: page}
      - run: grep made page.txt
"""


@pytest.fixture
def bench(podman: str, tmp_path: Path) -> Iterator[Bench]:
    bench = make("docker", tmp_path, podman)
    yield bench
    bench.close()
    assert leftovers(bench.home_id) == []


@pytest.fixture
def works(podman: str, tmp_path: Path) -> Iterator[Works]:
    works = Works(tmp_path, settings_for(tmp_path, labels={"here": podman}), executor="docker").start()
    yield works
    works.close()
    assert leftovers(home_id(works.settings.home)) == []


def test_the_workspace_has_the_source_which_stays_as_it_is(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "page").write_text("whole\n")
    session = bench.open(bench.spec(source=source, overlay=True))
    bench.run(session, 0, "cat page; echo torn > page")
    assert (bench.log(session, 0), (source / "page").read_text()) == (b"whole\n", "whole\n")


def test_boxes_one_after_the_other_each_have_a_network(bench: Bench) -> None:
    for name in ("one", "two", "three"):
        session = bench.open(bench.spec(name))
        bench.run(session, 0, "cat /sys/class/net/eth0/operstate")
        assert bench.log(session, 0) == b"up\n"
        session.end()
        assert session.box.exited(20) is not None
        session.box.remove()


def test_jobs_reach_their_services_and_hand_on_artifacts(works: Works) -> None:
    ended = works.run(STORY)
    assert ended.statuses == {"make": "success", "use": "success"}
