"""The cache of checkouts: built once, shared, pruned by last use."""

import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.core.errors import GitError
from engine.git import repository
from engine.worker import checkouts as cached
from engine.worker.checkouts import Checkouts


class SteppingClock:
    """Every look is a second later."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def monotonic_s(self) -> float:
        return 0.0


@pytest.fixture
def repo(tmp_path: Path) -> repository.Repo:
    root = tmp_path / "site"
    root.mkdir()
    for number in range(3):
        (root / "f").write_text(f"{number}\n")
        (root / "same").write_text("same\n")
        for args in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", f"c{number}"]):
            identity = ["-c", "user.name=x", "-c", "user.email=x@x"]
            subprocess.run(["git", *identity, *args], cwd=root, check=True)
    found = repository.discover(root)
    assert found is not None
    return found


@pytest.fixture
def checkouts(tmp_path: Path) -> Checkouts:
    return Checkouts(tmp_path / "checkouts", SteppingClock())


def test_a_checkout_is_built_once_and_found_by_the_next_engine(checkouts: Checkouts, repo: repository.Repo) -> None:
    path = checkouts.get(repo, repo.head or "", "main")
    inode = path.stat().st_ino
    assert checkouts.get(repo, repo.head or "", "main") == path
    again = Checkouts(checkouts.folder, SteppingClock())
    assert again.get(repo, repo.head or "", "main").stat().st_ino == inode
    assert checkouts.get(repo, repo.head or "", None) != path


def test_callers_of_the_same_commit_wait_for_one_build(
    checkouts: Checkouts, repo: repository.Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds: list[str] = []
    real = cached.materialise

    def counted(repo: repository.Repo, sha: str, *rest: object) -> int:
        builds.append(sha)
        return real(repo, sha, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(cached, "materialise", counted)
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(checkouts.get(repo, repo.head or ""))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(builds) == 1
    assert len(set(paths)) == 1


def test_a_failed_build_leaves_nothing_and_may_be_tried_again(checkouts: Checkouts, repo: repository.Repo) -> None:
    for _ in range(2):
        with pytest.raises(GitError):
            checkouts.get(repo, "0" * 40)
    assert checkouts.list() == []
    assert list((checkouts.folder / "partial").iterdir()) == []


def test_unchanged_files_are_linked_from_the_last_checkout(checkouts: Checkouts, repo: repository.Repo) -> None:
    first = checkouts.get(repo, repository.resolve(repo, "HEAD~1"))
    second = checkouts.get(repo, repo.head or "")
    assert (first / "same").stat().st_ino == (second / "same").stat().st_ino
    assert (first / "f").read_text() == "1\n"
    assert (second / "f").read_text() == "2\n"
    assert subprocess.run(["git", "status", "--porcelain"], cwd=first, capture_output=True).stdout == b""


def test_what_a_killed_engine_was_building_is_cleared(checkouts: Checkouts, repo: repository.Repo) -> None:
    (checkouts.folder / "partial/build-x").mkdir()
    Checkouts(checkouts.folder)
    assert list((checkouts.folder / "partial").iterdir()) == []


def test_the_least_recently_used_goes_first_and_what_is_in_use_stays(
    checkouts: Checkouts, repo: repository.Repo
) -> None:
    a, b, c = (checkouts.get(repo, repository.resolve(repo, rev)) for rev in ("HEAD~2", "HEAD~1", "HEAD"))
    checkouts.get(repo, repository.resolve(repo, "HEAD~2"))
    assert checkouts.prune(keep_n=2) == (b,)
    assert checkouts.prune(keep_bytes=0, in_use=[c]) == (a,)
    assert [one.path for one in checkouts.list()] == [c]
    assert sorted(path.name for path in checkouts.folder.iterdir()) == sorted([c.name, c.name + ".json", "partial"])
