"""Mirrors whose fetches have left many packs: real repositories, real git as the judge, real kills."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pygit2
import pytest

from engine.core.errors import GitError
from engine.git import checkout, upkeep
from engine.git.mirror import Mirror
from engine.git.remote import remote
from engine.git.upkeep import GRACE, LARGE_BYTES, Pack, tidy, to_combine
from tests.engine.control.post_office import Site, run_git
from tests.engine.fakes import START

FETCHES = 6
LATER = START + GRACE


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def mirror(tmp_path: Path, site: Site) -> Mirror:
    """A mirror after many fetches, one of them of a branch that is gone, and one of a branch that was forced."""
    (tmp_path / "repos").mkdir()
    mirror = Mirror(tmp_path / "repos", "team/site", remote(str(site.root)))
    site.commit(a__txt="0\n" * 100)
    mirror.fetch([])
    site.branch("gone").commit(gone__txt="gone")
    mirror.fetch([])
    site.git("checkout", "-q", "main")
    site.git("branch", "-D", "gone")
    for number in range(FETCHES):
        site.commit(f"Commit {number}", a__txt=f"{number}\n" * 100)
        mirror.fetch([])
    site.git("commit", "-q", "--amend", "-m", "Other")
    mirror.fetch([])
    return mirror


def packs(mirror: Mirror) -> set[str]:
    return {path.name for path in (mirror.path / "objects/pack").glob("*.pack")}


def objects(path: Path) -> list[str]:
    told = run_git(path, "cat-file", "--batch-check", "--batch-all-objects").splitlines()
    return sorted(line for line in told if "missing" not in line)


def check(mirror: Mirror) -> None:
    subprocess.run(["git", "-C", mirror.path, "fsck", "--strict", "--full"], check=True, capture_output=True)


def test_many_packs_become_one_with_every_object_also_those_that_no_branch_leads_to(mirror: Mirror) -> None:
    before, old = objects(mirror.path), packs(mirror)
    assert tidy(mirror.path, START, most_packs=5) == len(old) > 5
    assert len(packs(mirror) - old) == 1
    assert old < packs(mirror), "whoever reads them may go on"
    tidy(mirror.path, LATER)
    assert len(packs(mirror)) == 1
    assert not list((mirror.path / "objects/pack").glob("*.superseded"))
    assert objects(mirror.path) == before
    check(mirror)


def test_few_packs_are_left_as_they_are(mirror: Mirror) -> None:
    old = packs(mirror)
    assert tidy(mirror.path, START, most_packs=len(old)) == 0
    assert packs(mirror) == old


def test_old_packs_stay_until_the_grace_is_over_and_are_combined_no_more(mirror: Mirror) -> None:
    tidy(mirror.path, START, most_packs=5)
    both = packs(mirror)
    assert tidy(mirror.path, START + GRACE / 2, most_packs=5) == 0
    assert packs(mirror) == both


def test_a_reader_that_is_at_it_reads_on(mirror: Mirror) -> None:
    reader = pygit2.Repository(str(mirror.path))
    commits = list(reader.walk(reader.references["refs/heads/main"].target))
    tidy(mirror.path, START, most_packs=5)
    first = len(commits) // 2
    assert all(reader[commit.tree_id]["a.txt"].data for commit in commits[:first])
    tidy(mirror.path, LATER)
    assert all(reader[commit.tree_id]["a.txt"].data for commit in commits[first:])


def test_fetches_and_checkouts_go_on_while_packs_are_combined(
    mirror: Mirror, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = pygit2.PackBuilder.write

    def write_while_others_work(builder: pygit2.PackBuilder, place: Path) -> None:
        site.commit("Meanwhile")
        mirror.fetch([])
        write(builder, place)
        Mirror(mirror.path.parent, "team/site", mirror.source).fetch([])  # clears away what a killed fetch left

    monkeypatch.setattr(pygit2.PackBuilder, "write", write_while_others_work)
    tidy(mirror.path, START, most_packs=5)
    (tmp_path / "checkout").mkdir()
    checkout.materialise(mirror.repo(), site.head, tmp_path / "checkout", "main")
    tidy(mirror.path, LATER)
    check(mirror)
    assert mirror.resolve("refs/heads/main") == site.head
    run_git(tmp_path / "checkout", "fsck", "--strict", "--full")
    assert run_git(tmp_path / "checkout", "log", "-1", "--format=%s") == "Meanwhile"


def test_of_two_only_one_is_at_it(mirror: Mirror) -> None:
    with upkeep._alone(mirror.path / "upkeep") as place:
        assert place is not None
        assert tidy(mirror.path, START, most_packs=5) == 0
    assert tidy(mirror.path, START, most_packs=5) > 5


def test_a_pack_that_cannot_be_read_is_told_and_nothing_is_removed(mirror: Mirror) -> None:
    broken = min((mirror.path / "objects/pack").glob("*.pack"), key=lambda path: path.stat().st_size)
    broken.chmod(0o600)
    broken.write_bytes(broken.read_bytes()[:40])
    old = packs(mirror)
    with pytest.raises(GitError, match="cannot be combined"):
        tidy(mirror.path, START, most_packs=5)
    tidy(mirror.path, LATER)
    assert packs(mirror) == old


def test_where_no_mirror_is_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert tidy(tmp_path / "none.git", START) == 0
    assert not (tmp_path / "none.git").exists()


def test_only_what_was_fetched_into_is_a_mirror(mirror: Mirror, tmp_path: Path) -> None:
    pygit2.init_repository(str(tmp_path / "repos/working-tree.git"), bare=True)
    assert upkeep.mirrors(tmp_path / "repos") == [mirror.path]


KILLED = """
    import os, signal, sys
    from datetime import datetime
    from pathlib import Path
    from engine.git import upkeep
    import pygit2

    path, name, left, now = sys.argv[1:]
    left = int(left)
    owner = {"replace": Path, "unlink": Path, "write": pygit2.PackBuilder}.get(name, upkeep)
    real = getattr(owner, name)

    def kill(*args, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **more)

    setattr(owner, name, kill)
    upkeep.tidy(Path(path), datetime.fromisoformat(now), most_packs=5)
"""
MOMENTS = [("write", 0), ("_sync", 0), ("replace", 0), ("replace", 1), ("_sync", 2), ("_mark", 0), ("_mark", 3)]


@pytest.mark.parametrize(("what", "after"), [*MOMENTS, ("unlink", 0), ("unlink", 1), ("unlink", 2), ("unlink", 7)])
def test_a_kill_in_the_middle_leaves_a_whole_mirror_and_no_litter(mirror: Mirror, what: str, after: int) -> None:
    before = objects(mirror.path)
    now = START
    if what == "unlink":
        tidy(mirror.path, START, most_packs=5)
        now = LATER
    command = [sys.executable, "-c", textwrap.dedent(KILLED), mirror.path, what, str(after), now.isoformat()]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    assert objects(mirror.path) == before
    check(mirror)
    tidy(mirror.path, LATER, most_packs=1)
    tidy(mirror.path, LATER + GRACE, most_packs=1)
    assert objects(mirror.path) == before
    assert len(packs(mirror)) == 1
    assert len(list((mirror.path / "objects/pack").iterdir())) == 2
    assert not list((mirror.path / "upkeep").iterdir())


def sizes(*packs: int) -> list[int]:
    return [pack.size_bytes for pack in to_combine([Pack(Path(str(size)), size) for size in packs])]


def test_a_pack_is_left_that_is_twice_as_large_as_all_below_it() -> None:
    assert sizes(100, 1, 1, 1) == [1, 1, 1]
    assert sizes(100, 40, 1, 1) == [1, 1]
    assert sizes(100, 60, 1, 1) == [1, 1, 60, 100]
    assert sizes(1, 1, *[100] * 5) == [1, 1, *[100] * 5]
    assert sizes(64, 16, 4, 1) == []
    assert sizes(8, 4, 2, 1) == [1, 2, 4, 8]
    assert sizes(5) == sizes() == []


def test_no_pack_is_made_or_taken_that_would_be_large() -> None:
    assert sizes(1, 1, LARGE_BYTES) == [1, 1]
    half = LARGE_BYTES // 2
    assert sizes(half, half, half, 1) == [1, half]


def test_each_object_is_written_anew_a_few_times_only() -> None:
    packs: list[int] = []
    written = 0
    for _ in range(5000):
        packs.append(1)
        if len(packs) > 50:
            chosen = sizes(*packs)
            for size in chosen:
                packs.remove(size)
            packs.append(sum(chosen))
            written += sum(chosen)
    assert written < 10 * 5000
    assert len(packs) <= 51
