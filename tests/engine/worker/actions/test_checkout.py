"""actions/checkout in a box with real tools."""

import os
import subprocess
from pathlib import Path

import pytest

from engine.git.repository import Repo, resolve
from engine.worker.actions.built_in.registry import lookup
from engine.worker.actions.port import Stores
from engine.worker.checkouts import Checkouts
from tests.engine.worker.actions.conftest import IN_A_CONTAINER_TOO, Make, TestHost

CHECKOUT = lookup("actions/checkout@v4")


def run(host: TestHost, stores: Stores) -> bool:
    assert CHECKOUT is not None
    return CHECKOUT.run(host, stores)


def of(host: TestHost, site: Repo, checkouts: Checkouts, mounted: bool = True) -> TestHost:
    """Give a host the sources of `site`, mounted or only on the outside."""

    def folder(ref: str | None, repository: str | None) -> Path:
        return checkouts.get(site, resolve(site, ref) if ref else site.head or "", None if ref else "main")

    host.checkouts = folder
    host.source_sha = site.head
    host.source = str(folder(None, None)) if mounted else None
    return host


def porcelain(folder: Path) -> str:
    safe = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    args = ["git", "status", "--porcelain"]
    return subprocess.run(args, cwd=folder, env=os.environ | safe, check=True, capture_output=True, text=True).stdout


@IN_A_CONTAINER_TOO
@pytest.mark.parametrize("mounted", [True, False])
def test_the_sources_are_copied_with_their_history(
    host: Make, stores: Stores, site: Repo, checkouts: Checkouts, mounted: bool
) -> None:
    step = of(host(fetch_depth="0"), site, checkouts, mounted)
    root = Path(step.workspace)
    (root / ".left").write_text("left over")
    assert run(step, stores), (step.notes, step.lines)
    assert (root / "src/f").read_text() == "1\n"
    assert os.access(root / "run.sh", os.X_OK)
    assert not (root / ".left").exists()
    assert porcelain(root) == ""
    assert step.outputs == {"ref": "refs/heads/main", "commit": site.head}
    assert step.notes == []


def test_a_workspace_that_began_as_the_source_costs_nothing_the_first_time(
    host: Make, stores: Stores, site: Repo, checkouts: Checkouts
) -> None:
    steps = [of(host(), site, checkouts) for _ in range(2)]
    for step in steps:
        step.workspace_is_source = True
    root = Path(steps[0].workspace)
    (root / "made").write_text("by a step")
    assert run(steps[0], stores)
    assert (root / "made").exists()
    assert run(steps[1], stores)
    assert not (root / "made").exists()
    assert (root / "src/f").exists()


def test_another_ref_goes_into_a_folder_of_its_own(
    host: Make, stores: Stores, site: Repo, checkouts: Checkouts
) -> None:
    step = of(host(ref="v1", path="old/one"), site, checkouts)
    assert run(step, stores), (step.notes, step.lines)
    root = Path(step.workspace)
    assert (root / "old/one/src/f").read_text() == "0\n"
    assert porcelain(root / "old/one") == ""
    assert step.outputs == {"ref": "v1", "commit": resolve(site, "v1")}


def test_without_clean_what_was_there_stays(host: Make, stores: Stores, site: Repo, checkouts: Checkouts) -> None:
    step = of(host(clean="false"), site, checkouts)
    root = Path(step.workspace)
    (root / "mine").write_text("mine")
    assert run(step, stores)
    again = of(host(clean="false"), site, checkouts)
    assert run(again, stores), again.lines
    assert (root / "mine").exists()
    assert porcelain(root) == "?? mine\n"


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"path": "../out"}, "not inside the workspace"),
        ({"path": "/etc"}, "not inside the workspace"),
        ({"repository": "other/repo"}, "other/repo cannot be checked out"),
        ({"ref": "no-such-branch"}, "no-such-branch"),
    ],
)
def test_what_cannot_be_checked_out_is_an_error(
    host: Make, stores: Stores, site: Repo, checkouts: Checkouts, inputs: dict[str, str], says: str
) -> None:
    step = of(host(**inputs), site, checkouts)
    assert not run(step, stores)
    assert says in step.notes[0][1]
    assert list(Path(step.workspace).iterdir()) == []
