"""The laws of fetching actions over a network: no more than is asked for, by tag, branch or commit, later too."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.core.errors import GitError
from engine.git.actions import ActionSources
from tests.engine.git.forge import GitForge

TOKEN = "shown-to-the-forge"


def run(folder: Path, *args: str) -> str:
    line = ["git", "-c", "user.name=x", "-c", "user.email=x@x", *args]
    return subprocess.run(line, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, word: str) -> str:
    (folder / "action.yml").write_text(f"name: {word}\n")
    run(folder, "add", ".")
    run(folder, "commit", "-q", "-m", word)
    return run(folder, "rev-parse", "HEAD")


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[GitForge]:
    forge = GitForge(tmp_path, TOKEN)
    yield forge
    forge.close()


@pytest.fixture
def action(tmp_path: Path) -> Path:
    """A repository with three commits on main: the first is v1 (annotated), the second nothing, the third v2."""
    folder = tmp_path / "acme" / "say.git"
    folder.mkdir(parents=True)
    run(folder, "init", "-q", "-b", "main")
    run(folder, "config", "uploadpack.allowReachableSHA1InWant", "true")
    for number in range(3):
        commit(folder, f"c{number}")
        if number != 1:
            run(folder, "tag", "-a", f"v{1 + number // 2}", "-m", "x")
    return folder


def test_a_tag_a_branch_and_a_commit_come_alone(tmp_path: Path, forge: GitForge, action: Path) -> None:
    url = forge.url.replace("://", f"://x:{TOKEN}@") + "/acme/say.git"
    sources = ActionSources(tmp_path / "sources")
    middle = run(action, "rev-parse", "main~1")
    found = {ref: sources.get(url, ref) for ref in ("v1", "main", middle)}
    assert [(files.folder / "action.yml").read_text() for files in found.values()] == [
        "name: c0\n", "name: c2\n", "name: c1\n",
    ]  # fmt: skip
    assert found[middle].sha == middle
    assert all(files.fetched for files in found.values())
    assert TOKEN not in "".join(path.read_text() for path in (tmp_path / "sources").rglob("config"))
    fresh = ActionSources(tmp_path / "fresh")
    fresh.get(url, "main")
    [mirror] = (tmp_path / "fresh/mirrors").iterdir()
    assert run(mirror, "rev-list", "--count", "main") == "1"


def test_a_branch_that_moves_is_followed_and_a_pinned_commit_is_not(
    tmp_path: Path, forge: GitForge, action: Path
) -> None:
    url = forge.url.replace("://", f"://x:{TOKEN}@") + "/acme/say.git"
    sources = ActionSources(tmp_path / "sources")
    old = sources.get(url, "main")
    new = commit(action, "moved")
    assert sources.get(url, "main", old.sha).folder == old.folder
    assert sources.get(url, "main").sha == new
    forge.close()
    assert sources.get(url, "main", new).sha == new
    assert "last seen" in sources.get(url, "main").note
    with pytest.raises(GitError):
        sources.get(url, "v1")
    forge.__init__(forge.root, TOKEN)  # type: ignore[misc]  # so that the fixture has something to close


def test_what_nobody_asked_for_in_a_month_goes(tmp_path: Path, action: Path) -> None:
    sources = ActionSources(tmp_path / "sources")
    files = sources.get(str(action), "v1")
    sources.recover(datetime.now(UTC) + timedelta(days=29))
    assert files.folder.exists()
    sources.recover(datetime.now(UTC) + timedelta(days=31))
    assert not files.folder.exists()
    assert sources.get(str(action), "v1").fetched
