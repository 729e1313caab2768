"""Git: facts of a repository, the working tree as a commit, finished checkouts. Real repositories, real git."""

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.core.errors import GitError
from engine.git import repository
from engine.git.checkout import materialise
from engine.git.snapshot import Snapshot, snapshot_worktree

Run = Callable[..., str]
NOBODY = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
SAFE = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}


def run_git(cwd: Path, *args: str) -> str:
    env = os.environ | NOBODY | SAFE
    return subprocess.run(["git", *args], cwd=cwd, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with one commit on main, a tag, a folder, a link and a program."""
    root = tmp_path / "site"
    (root / "src").mkdir(parents=True)
    (root / "a.txt").write_text("a\n")
    (root / "src/b.txt").write_text("b\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("src/b.txt")
    (root / ".gitignore").write_text("*.log\n")
    run_git(root, "init", "-q", "-b", "main")
    run_git(root, "config", "user.name", "Ada")
    run_git(root, "config", "user.email", "ada@example.com")
    run_git(root, "add", ".")
    run_git(root, "commit", "-q", "-m", "One\n\nbody")
    run_git(root, "tag", "-a", "v1", "-m", "v1")
    return root


def found(path: Path) -> repository.Repo:
    repo = repository.discover(path)
    assert repo is not None
    return repo


def checkout(snapshot: Snapshot, dest: Path, branch: str | None = "main") -> Path:
    dest.mkdir()
    materialise(snapshot.repo, snapshot.sha, dest, branch)
    return dest


def state_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below, with what a write would change."""
    return {
        str(path): (stat.st_mtime_ns, stat.st_mode, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and (stat := path.lstat())
    }


def test_a_repository_is_found_from_below_with_its_facts(work: Path) -> None:
    repo = found(work / "src")
    assert (repo.root, repo.name, repo.branch, repo.bare) == (work, "local/site", "main", False)
    assert (repo.author_name, repo.author_email) == ("Ada", "ada@example.com")
    assert repo.head == run_git(work, "rev-parse", "HEAD").strip()


def test_a_folder_without_git_is_no_repository(tmp_path: Path) -> None:
    assert repository.discover(tmp_path) is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://git.example/team/site.git", "team/site"),
        ("https://git.example/group/sub/site/", "sub/site"),
        ("git@git.example:team/site.git", "team/site"),
        ("ssh://git@git.example:2222/team/site", "team/site"),
        ("/srv/git/site.git", "local/site"),
        ("../elsewhere.git", "local/site"),
        ("file:///srv/git/site.git", "local/site"),
    ],
)
def test_the_name_is_owner_and_repository_of_the_remote(work: Path, url: str, name: str) -> None:
    run_git(work, "remote", "add", "origin", url)
    assert found(work).name == name


def test_a_password_in_the_remote_url_stays_out(work: Path, tmp_path: Path) -> None:
    run_git(work, "remote", "add", "origin", "https://ada:hunter2@git.example/team/site.git")
    snapshot = snapshot_worktree(found(work), tmp_path / "m.git")
    made = checkout(snapshot, tmp_path / "out")
    assert run_git(made, "remote", "get-url", "origin").strip() == "https://git.example/team/site.git"
    assert "hunter2" not in (made / ".git/config").read_text()


def test_a_revision_resolves_and_a_wrong_one_names_those_near(work: Path) -> None:
    repo = found(work)
    assert repository.resolve(repo, "v1") == repo.head == repository.resolve(repo, "main")
    with pytest.raises(GitError, match=r"'mian'.*Did you mean main"):
        repository.resolve(repo, "mian")
    commit = repository.commit_info(repo, "v1")
    assert (commit.author_name, commit.author_email, commit.message) == ("Ada", "ada@example.com", "One\n\nbody\n")
    assert commit.parents == ()
    assert commit.tree == run_git(work, "rev-parse", "HEAD^{tree}").strip()


def test_a_branch_of_the_remote_goes_by_its_short_name(work: Path) -> None:
    run_git(work, "update-ref", "refs/remotes/origin/feature", "HEAD")
    assert repository.resolve(found(work), "feature") == found(work).head


def test_a_repository_can_be_started(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/f").write_text("f")
    repository.start_repository(tmp_path / "new", "Begin", datetime(2026, 1, 1, tzinfo=UTC))
    assert run_git(tmp_path / "new", "log", "--format=%s").strip() == "Begin"
    assert run_git(tmp_path / "new", "status", "--porcelain") == ""
    assert found(tmp_path / "new").branch == "main"


def test_workflows_come_from_the_first_known_folder_only(work: Path) -> None:
    for folder, name in ((".github/workflows", "z.yml"), (".gitea/workflows", "g.yaml"), (".gitea/workflows", "x.txt")):
        (work / folder).mkdir(parents=True, exist_ok=True)
        (work / folder / name).write_text(name)
    repo = found(work)
    assert repository.workflow_files(repo, None) == {".gitea/workflows/g.yaml": b"g.yaml"}
    assert repository.workflow_files(repo, "HEAD") == {}
    run_git(work, "add", ".github")
    run_git(work, "commit", "-q", "-m", "w")
    assert repository.workflow_files(repo, "HEAD") == {".github/workflows/z.yml": b"z.yml"}


def test_a_file_is_read_from_a_commit_or_the_working_tree_never_from_outside(work: Path, tmp_path: Path) -> None:
    repo = found(work)
    (work / "a.txt").write_text("changed")
    (tmp_path / "secret").write_text("s")
    (work / "out").symlink_to(tmp_path / "secret")
    assert repository.read_file(repo, "HEAD", "a.txt") == b"a\n"
    assert repository.read_file(repo, None, "a.txt") == b"changed"
    for path in ("../secret", "out", "src", "none", str(tmp_path / "secret")):
        assert repository.read_file(repo, None, path) is None
    assert repository.read_file(repo, "HEAD", "src") is None


def test_a_clean_tree_is_its_own_commit(work: Path, tmp_path: Path) -> None:
    snapshot = snapshot_worktree(found(work), tmp_path / "m.git")
    assert (snapshot.dirty, snapshot.sha, snapshot.notes) == (False, snapshot.head, ())
    made = checkout(snapshot, tmp_path / "out")
    assert run_git(made, "status", "--porcelain") == ""
    assert run_git(made, "branch", "--show-current").strip() == "main"
    assert run_git(made, "describe").strip() == "v1"
    assert run_git(made, "log", "--format=%s").strip() == "One"
    assert (made / "link").readlink() == Path("src/b.txt")
    assert (made / "run.sh").stat().st_mode & 0o777 == 0o755
    run_git(made, "diff-index", "--quiet", "HEAD")
    run_git(made, "rev-parse", "origin/main")
    run_git(made, "fsck", "--strict")


def dirty(work: Path) -> None:
    (work / "a.txt").write_text("changed\n")
    (work / "src/b.txt").unlink()
    (work / "run.sh").chmod(0o644)
    (work / "link").unlink()
    (work / "link").symlink_to("a.txt")
    (work / "new").mkdir()
    (work / "new/c.txt").write_text("c\n")
    (work / "ignored.log").write_text("no")
    run_git(work, "rm", "-q", "--cached", ".gitignore")


def test_a_dirty_tree_is_taken_as_it_is_and_shows_as_changes(work: Path, tmp_path: Path) -> None:
    dirty(work)
    snapshot = snapshot_worktree(found(work), tmp_path / "m.git")
    assert snapshot.dirty
    assert repository.commit_info(snapshot.repo, snapshot.sha).parents == (snapshot.head,)
    assert repository.changed_files(snapshot.repo, snapshot.head or "", snapshot.sha) == [
        "a.txt",
        "link",
        "new/c.txt",
        "run.sh",
        "src/b.txt",
    ]
    made = checkout(snapshot, tmp_path / "out")
    assert run_git(made, "rev-parse", "HEAD").strip() == snapshot.head
    lines = run_git(made, "status", "--porcelain", "-uall").splitlines()
    assert lines == [" M a.txt", " M link", " M run.sh", " D src/b.txt", "?? new/c.txt"]
    assert not (made / "ignored.log").exists()
    assert (made / ".gitignore").exists()
    run_git(made, "fsck", "--strict")
    assert run_git(made, "cat-file", "-t", snapshot.sha).strip() == "commit"


def test_the_same_files_make_the_same_snapshot(work: Path, tmp_path: Path) -> None:
    dirty(work)
    first = snapshot_worktree(found(work), tmp_path / "m.git")
    assert snapshot_worktree(found(work), tmp_path / "other.git").sha == first.sha


def test_nothing_is_written_into_the_users_repository(work: Path, tmp_path: Path) -> None:
    dirty(work)
    os.utime(work / ".gitignore")
    before = state_of(work / ".git")
    snapshot = snapshot_worktree(found(work), tmp_path / "m.git")
    checkout(snapshot, tmp_path / "out")
    assert state_of(work / ".git") == before


def test_a_file_may_become_a_folder_and_a_folder_a_file(work: Path, tmp_path: Path) -> None:
    (work / "a.txt").unlink()
    (work / "a.txt").mkdir()
    (work / "a.txt/inner").write_text("i")
    (work / "src/b.txt").unlink()
    (work / "src").rmdir()
    (work / "src").write_text("file")
    made = checkout(snapshot_worktree(found(work), tmp_path / "m.git"), tmp_path / "out")
    assert (made / "a.txt/inner").read_text() == "i"
    assert (made / "src").read_text() == "file"


def test_a_repository_without_a_commit_is_checked_out_at_its_snapshot(tmp_path: Path) -> None:
    root = tmp_path / "fresh"
    root.mkdir()
    run_git(root, "init", "-q", "-b", "trunk")
    (root / "f").write_text("f")
    repo = found(root)
    assert (repo.head, repo.branch) == (None, "trunk")
    snapshot = snapshot_worktree(repo, tmp_path / "m.git")
    assert snapshot.dirty and snapshot.head is None
    made = checkout(snapshot, tmp_path / "out", "trunk")
    assert run_git(made, "rev-parse", "HEAD").strip() == snapshot.sha
    assert run_git(made, "status", "--porcelain") == ""


def test_names_in_any_encoding_survive(work: Path, tmp_path: Path) -> None:
    for name in (b"\xfclatin", '日本 \n\t"q"'.encode(), b"-rf"):
        Path(os.fsdecode(bytes(work) + b"/" + name)).write_bytes(name)
    for turn in ("dirty", "committed"):
        snapshot = snapshot_worktree(found(work), tmp_path / f"{turn}.git")
        made = checkout(snapshot, tmp_path / turn)
        for name in (b"\xfclatin", '日本 \n\t"q"'.encode(), b"-rf"):
            assert Path(os.fsdecode(bytes(made) + b"/" + name)).read_bytes() == name
        run_git(work, "add", ".")
        run_git(work, "commit", "-q", "-m", "names", "--allow-empty")
    assert run_git(made, "status", "--porcelain") == ""


def test_line_ends_are_those_that_the_commit_asks_for(work: Path, tmp_path: Path) -> None:
    (work / ".gitattributes").write_text("*.bat text eol=crlf\n*.txt text=auto\n")
    (work / "x.bat").write_bytes(b"one\r\ntwo\r\n")
    run_git(work, "add", ".")
    run_git(work, "commit", "-q", "-m", "attributes")
    made = checkout(snapshot_worktree(found(work), tmp_path / "m.git"), tmp_path / "out")
    assert (made / "x.bat").read_bytes() == b"one\r\ntwo\r\n"
    assert (made / "a.txt").read_bytes() == b"a\n"
    assert run_git(made, "status", "--porcelain") == ""


def test_a_submodule_and_a_nested_repository_are_left_and_said(work: Path, tmp_path: Path) -> None:
    for name in ("module", "nested"):
        run_git(work, "init", "-q", str(work / name))
        (work / name / "f").write_text("f")
        run_git(work / name, "add", ".")
        run_git(work / name, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "-m", "in")
    run_git(work, "add", "module")
    run_git(work, "commit", "-q", "-m", "module")
    (work / "module/f").write_text("changed")
    snapshot = snapshot_worktree(found(work), tmp_path / "m.git")
    assert [note.split()[0] for note in snapshot.notes] == ["module", "nested"]
    made = checkout(snapshot, tmp_path / "out")
    assert list((made / "module").iterdir()) == []
    assert not (made / "nested").exists()
    assert run_git(made, "status", "--porcelain") == ""


def test_another_commit_than_head_is_checked_out_detached(work: Path, tmp_path: Path) -> None:
    first = repository.resolve(found(work), "HEAD")
    (work / "a.txt").write_text("2\n")
    run_git(work, "commit", "-q", "-a", "-m", "Two")
    dest = tmp_path / "out"
    dest.mkdir()
    materialise(found(work), first, dest, None)
    assert (dest / "a.txt").read_text() == "a\n"
    assert run_git(dest, "rev-parse", "HEAD").strip() == first
    assert run_git(dest, "branch", "--show-current") == "\n" or run_git(dest, "branch", "--show-current") == ""
    assert repository.changed_files(found(work), first, "main") == ["a.txt"]


def test_worktrees_shallow_clones_and_borrowed_objects_make_whole_checkouts(work: Path, tmp_path: Path) -> None:
    (work / "a.txt").write_text("2\n")
    run_git(work, "commit", "-q", "-a", "-m", "Two")
    run_git(work, "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "side")
    run_git(tmp_path, "clone", "-q", "--depth", "1", f"file://{work}", str(tmp_path / "shallow"))
    run_git(tmp_path, "clone", "-q", "--shared", str(work), str(tmp_path / "shared"))
    for name, branch, commits in (("tree", "side", 2), ("shallow", "main", 1), ("shared", "main", 2)):
        snapshot = snapshot_worktree(found(tmp_path / name), tmp_path / f"{name}.git")
        made = checkout(snapshot, tmp_path / f"{name}-out", branch)
        assert run_git(made, "status", "--porcelain") == ""
        assert len(run_git(made, "log", "--format=%h").split()) == commits
        assert not (made / ".git/objects/info/alternates").exists()


def test_a_checkout_stands_alone(work: Path, tmp_path: Path) -> None:
    dirty(work)
    made = checkout(snapshot_worktree(found(work), tmp_path / "m.git"), tmp_path / "out")
    work.rename(tmp_path / "moved-away")
    (tmp_path / "m.git").rename(tmp_path / "moved.git")
    run_git(made, "fsck", "--strict")
    assert str(tmp_path) not in "".join(
        p.read_text() for p in (made / ".git").iterdir() if p.name in ("config", "HEAD")
    )


def test_the_umask_of_the_engine_does_not_lock_a_box_out(work: Path, tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        made = checkout(snapshot_worktree(found(work), tmp_path / "m.git"), tmp_path / "out")
    finally:
        os.umask(old)
    assert (made / "src").stat().st_mode & 0o777 == 0o755
    assert (made / "src/b.txt").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["..", ".git", ".GIT"])
def test_a_hostile_tree_is_refused(work: Path, tmp_path: Path, name: str) -> None:
    blob = run_git(work, "rev-parse", "HEAD:a.txt").strip()
    raw = b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob)
    args = ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"]
    tree = subprocess.run(args, cwd=work, input=raw, check=True, capture_output=True).stdout.decode().strip()
    sha = run_git(work, "commit-tree", tree, "-m", "evil").strip()
    dest = tmp_path / "out"
    dest.mkdir()
    with pytest.raises(GitError, match="no checkout may have"):
        materialise(found(work), sha, dest, None)
    assert list(dest.iterdir()) == []


def test_what_is_neither_file_nor_link_is_not_taken(work: Path, tmp_path: Path) -> None:
    os.mkfifo(work / "pipe")
    (work / "a.txt").unlink()
    os.mkfifo(work / "a.txt")
    snapshot = snapshot_worktree(found(work), tmp_path / "m.git")
    assert repository.changed_files(snapshot.repo, snapshot.head or "", snapshot.sha) == ["a.txt"]
    assert repository.read_file(snapshot.repo, snapshot.sha, "a.txt") is None


def test_what_is_ignored_and_no_longer_tracked_is_left_out(work: Path, tmp_path: Path) -> None:
    (work / "kept.log").write_text("k")
    run_git(work, "add", "-f", "kept.log")
    run_git(work, "commit", "-q", "-m", "log")
    assert not snapshot_worktree(found(work), tmp_path / "m.git").dirty
    run_git(work, "rm", "-q", "--cached", "kept.log")
    snapshot = snapshot_worktree(found(work), tmp_path / "m.git")
    assert repository.changed_files(snapshot.repo, snapshot.head or "", snapshot.sha) == ["kept.log"]


def test_a_bare_repository_has_commits_but_no_working_tree(work: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "-q", "--bare", str(work), str(tmp_path / "site.git"))
    repo = found(tmp_path / "site.git")
    assert (repo.bare, repo.name, repo.branch) == (True, "local/site", "main")
    assert repository.read_file(repo, None, "a.txt") == b"a\n"
    with pytest.raises(GitError, match="bare"):
        snapshot_worktree(repo, tmp_path / "m.git")
    dest = tmp_path / "out"
    dest.mkdir()
    materialise(repo, repo.head or "", dest, "main")
    assert run_git(dest, "status", "--porcelain") == ""
