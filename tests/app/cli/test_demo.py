"""The demo can be laid out anywhere, and picks an image that is here before it asks for one."""

import pytest

from app.cli.demo import BUNDLED, choose, prepare
from engine.git.repository import discover, workflow_files
from pipelines.parse import parse_workflow


def test_the_demo_becomes_a_repository_with_one_workflow(tmp_path):
    folder = prepare(tmp_path / "home" / "demo")
    repo = discover(folder)
    assert repo is not None
    assert (repo.branch, list(workflow_files(repo, "HEAD"))) == ("main", [".github/workflows/demo.yml"])
    assert prepare(folder) == folder
    assert discover(folder).head == repo.head


def test_the_demos_workflow_has_nothing_to_complain_about():
    path = BUNDLED / ".github/workflows/demo.yml"
    assert parse_workflow(path.read_text(), str(path)).findings == ()


@pytest.mark.parametrize(
    ("here", "chosen"),
    [
        ({"debian:12", "busybox:latest"}, "busybox:latest"),
        ({"ubuntu:22.04", "ubuntu:24.04"}, "ubuntu:24.04"),
        ({"docker.io/library/alpine:3"}, "docker.io/library/alpine:3"),
        ({"mine/busybox:1", "postgres:16"}, None),
        (set(), None),
    ],
)
def test_an_image_that_is_here_is_preferred_to_a_pull(here, chosen):
    assert choose(frozenset(here)) == chosen
