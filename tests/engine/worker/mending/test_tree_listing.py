"""What changed between two looks at a tree of files."""

import os
import subprocess
from pathlib import Path

import pytest

from engine.worker.box_files import ADDED, DELETED, MODIFIED, OwnFiles, own_files
from engine.worker.mending.tree_listing import PRINTED, TICK_S, Tree, topmost


def tree(**files: str) -> Tree:
    return Tree({name.encode(): facts.encode() for name, facts in files.items()})


def look(folder: Path) -> Tree:
    script = 'printf "%s\\0" "$(date +%s.%N)"; find . -printf "$0"'
    run = subprocess.run(["sh", "-c", script, PRINTED], cwd=folder, check=True, capture_output=True)
    return Tree.read(run.stdout)


def test_everything_is_new_where_nothing_was_known():
    now = tree(a="f 1", b="d 1")
    assert now.changed_since(None) == [b"a", b"b"]
    assert now.gone_since(None) == []


def test_a_file_is_new_if_anything_of_its_inode_is():
    assert tree(a="f 1", b="f 2", c="f 1").changed_since(tree(a="f 1", b="f 1")) == [b"b", b"c"]


def test_what_became_another_kind_of_file_is_gone_first():
    assert tree(a="f 1").gone_since(tree(a="d 1")) == [b"a"]


def test_a_folder_is_gone_by_its_own_name_alone():
    earlier = Tree(dict.fromkeys((b"./x/a", b"./x/b/c", b"./x", b"./x-y", b"./x/b", b"./z"), b"f"))
    assert Tree({b"./z": b"f"}).gone_since(earlier) == [b"./x", b"./x-y"]
    assert topmost([b"a/b", b"a", b"a b", b"a/b/c"]) == [b"a", b"a b"]


def test_odd_names_are_read_as_they_are(tmp_path):
    odd = b"line\nbreak \xff ' $HOME"
    (tmp_path / "plain").touch()
    (tmp_path / os.fsdecode(odd)).touch()
    assert set(look(tmp_path).files) == {b".", b"./plain", b"./" + odd}


def test_what_changed_within_the_last_tick_is_not_trusted(tmp_path):
    (tmp_path / "a").write_text("1")
    changed_s = (tmp_path / "a").stat().st_ctime
    seen = Tree(look(tmp_path).files, changed_s + TICK_S / 2)
    assert b"./a" in look(tmp_path).changed_since(seen.settled())
    assert look(tmp_path).changed_since(Tree(seen.files, changed_s + 2 * TICK_S).settled()) == []
    assert look(tmp_path).gone_since(seen.settled()) == []


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path):
    (tmp_path / "a").write_text("1")
    before = look(tmp_path)
    times = (tmp_path / "a").stat()
    (tmp_path / "a").write_text("2")
    subprocess.run(["touch", "-d", f"@{times.st_mtime_ns / 1e9:.9f}", str(tmp_path / "a")], check=True)
    assert b"./a" in look(tmp_path).changed_since(before.settled())


MOUNTS = ["/github/workspace", "/github/temp", "/treadle", "/data"]


@pytest.mark.parametrize(
    ("changes", "roots", "alone", "gone"),
    [
        ([], (), (), ()),
        ([("/treadle", ADDED), ("/etc/hosts", MODIFIED), ("/dev/x", ADDED), ("/proc", MODIFIED)], (), (), ()),
        (
            [("/github", ADDED), ("/github/workspace", ADDED), ("/github/home", ADDED)],
            ("github/home",),
            ("github",),
            (),
        ),
        ([("/usr", MODIFIED), ("/usr/x", ADDED), ("/usr/x/y", ADDED)], ("usr/x",), ("usr",), ()),
        ([("/usr/x", ADDED), ("/usr/x-y", ADDED), ("/usr/x/y", ADDED)], ("usr/x", "usr/x-y"), (), ()),
        ([("/etc/motd", DELETED), ("/etc", MODIFIED)], (), ("etc",), ("etc/motd",)),
    ],
)
def test_the_jobs_files_are_its_volumes_and_what_it_changed_of_the_image(changes, roots, alone, gone):
    volumes = ["/github/temp", "/github/workspace"]
    found = own_files(changes, volumes, MOUNTS)
    assert found == OwnFiles("/", ("github/temp", "github/workspace", *roots), alone, gone)
