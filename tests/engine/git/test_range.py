"""The commits between a good one and a bad one, as `git rev-list BAD ^GOOD` has them."""

import subprocess
from pathlib import Path

import pytest

from engine.core.errors import GitError
from engine.git import repository
from engine.git.range import commits_between, leads_to


class Fork:
    """a - b - c - m - e on main; x - y beside it, from a, merged at m; lone stands alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")
        for name in "abc":
            self.commit(name)
        self.git("checkout", "-q", "-b", "side", "HEAD~2")
        for name in "xy":
            self.commit(name)
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", "m", "side")
        self.commit("e")
        self.git("checkout", "-q", "--orphan", "lone")
        self.commit("lone")
        self.shas = {line[41:]: line[:40] for line in self.git("log", "--all", "--format=%H %s").splitlines()}
        found = repository.discover(root)
        assert found is not None
        self.repo = found

    def git(self, *line: str) -> str:
        who = ["-c", "user.name=Ada", "-c", "user.email=a@x"]
        return subprocess.run(["git", *who, *line], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def commit(self, name: str) -> None:
        self.git("commit", "-q", "--allow-empty", "-m", name)

    def between(self, good: str, bad: str, **more: int) -> dict[str, set[str]]:
        names = {sha: name for name, sha in self.shas.items()}
        parents = commits_between(self.repo, self.shas[good], self.shas[bad], **more).parents
        return {names[sha]: {names[parent] for parent in of} for sha, of in parents.items()}


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Fork:
    return Fork(tmp_path_factory.mktemp("range") / "site")


def test_it_is_what_the_bad_one_leads_back_to_and_the_good_one_does_not(fork: Fork) -> None:
    assert fork.between("b", "e") == {"e": {"m"}, "m": {"c", "y"}, "c": {"b"}, "y": {"x"}, "x": {"a"}}
    assert fork.between("y", "m") == {"m": {"c", "y"}, "c": {"b"}, "b": {"a"}}
    assert fork.between("b", "c") == {"c": {"b"}}


@pytest.mark.parametrize(("good", "bad"), [("e", "b"), ("c", "y"), ("lone", "e"), ("b", "b")])
def test_good_has_to_come_before_bad(fork: Fork, good: str, bad: str) -> None:
    with pytest.raises(GitError):
        fork.between(good, bad)


def test_where_two_part_is_told(fork: Fork) -> None:
    with pytest.raises(GitError, match=f"They part at {fork.shas['a'][:12]}"):
        fork.between("c", "y")
    with pytest.raises(GitError, match="no history in common"):
        fork.between("lone", "e")


def test_there_is_a_bound(fork: Fork) -> None:
    assert len(fork.between("b", "e", most=5)) == 5
    with pytest.raises(GitError, match="More than 4 commits"):
        fork.between("b", "e", most=4)


def test_a_commit_that_is_not_here_leads_nowhere(fork: Fork) -> None:
    assert not leads_to(fork.repo, fork.shas["e"], "0" * 40)
    assert not leads_to(fork.repo, "0" * 40, fork.shas["a"])
    assert leads_to(fork.repo, fork.shas["e"], fork.shas["x"])


def test_a_history_with_holes_is_said(fork: Fork, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth", "1", "-b", "main", f"file://{fork.root}", shallow], check=True)
    repo = repository.discover(shallow)
    assert repo is not None
    with pytest.raises(GitError):
        commits_between(repo, fork.shas["b"], fork.shas["e"])
