"""The files of a finished checkout: written once, with nothing of this process's umask, never through a link."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from engine.git.folder import IndexEntry, link_file
from pipelines.records import dataclass

FOLDER, PLAIN, EXECUTABLE, LINK, SUBMODULE = 0o040000, 0o100644, 0o100755, 0o120000, 0o160000


@dataclass(frozen=True, slots=True)
class Tree:
    """All files of a commit by path: (mode, sha), and the shas of its tree objects.

    Paths are checked by who makes it: none leads out of a checkout or into its `.git`.
    """

    files: Mapping[str, tuple[int, str]]
    folders: tuple[str, ...]


def tree_objects(files: Mapping[str, tuple[int, str]]) -> tuple[str, dict[str, bytes]]:
    """Return the sha of the tree that holds `files`, and every tree object of it by sha."""
    folders: dict[str, list[tuple[bytes, int, str]]] = {"": []}
    for path, (mode, oid) in files.items():
        parent, _, name = path.rpartition("/")
        folders.setdefault(parent, []).append((os.fsencode(name), mode, oid))
        while parent and parent.rpartition("/")[0] not in folders:
            parent = parent.rpartition("/")[0]
            folders[parent] = []
    objects: dict[str, bytes] = {}
    root = ""
    for folder in sorted(folders, key=lambda path: path.count("/") + bool(path), reverse=True):  # the deepest first
        raw = b"".join(
            b"%o %s\0" % (mode, name) + bytes.fromhex(oid)
            for name, mode, oid in sorted(folders[folder], key=lambda entry: entry[0] + b"/" * (entry[1] == FOLDER))
        )
        root = hashlib.sha1(b"tree %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()
        objects[root] = raw
        if folder:
            parent, _, name = folder.rpartition("/")
            folders[parent].append((os.fsencode(name), FOLDER, root))
    return root, objects


def write_files(
    dest: Path,
    tree: Tree,
    read: Callable[[str, str], bytes],
    known: Mapping[str, tuple[int, str]],
    base: Path | None,
) -> int:
    """Write the files of `tree` under the empty folder `dest`; return their bytes.

    `read` gives a file's content by path and sha. What `known` has with the same mode and sha lies finished under
    `base` and is linked from there. Links are made last, so that no file is ever written through one.
    """
    made, size = {""}, 0
    for path, (mode, oid) in sorted(tree.files.items(), key=lambda item: item[1][0] == LINK):
        _make_folders(dest, path.rpartition("/")[0], made)
        target = f"{dest}/{path}"
        if mode == SUBMODULE:
            _make_folders(dest, path, made)
        elif base is not None and known.get(path) == (mode, oid):
            link_file(base / path, Path(target))
            size += os.lstat(target).st_size
        elif mode == LINK:
            Path(target).symlink_to(os.fsdecode(read("", oid)))
        else:
            content = read(path, oid)
            _write_file(target, content, 0o755 if mode == EXECUTABLE else 0o644)
            size += len(content)
    return size


def index_entries(
    staged: Mapping[str, tuple[int, str]], written: Mapping[str, tuple[int, str]], dest: Path
) -> Iterator[IndexEntry]:
    """Yield the index of `staged` for the files `written` under `dest`; what differs is left for git to look at."""
    for path, (mode, oid) in staged.items():
        same = mode != SUBMODULE and written.get(path) == (mode, oid)
        stat = os.lstat(f"{dest}/{path}") if same else None
        yield IndexEntry(os.fsencode(path), mode, bytes.fromhex(oid), stat)


def _write_file(target: str, content: bytes, mode: int) -> None:
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(fd, mode)  # whatever our umask: a box may run as somebody else
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(fd, rest) :]
    finally:
        os.close(fd)


def _make_folders(dest: Path, path: str, made: set[str]) -> None:
    if path not in made:
        _make_folders(dest, path.rpartition("/")[0], made)
        folder = dest / path
        folder.mkdir()
        folder.chmod(0o755)
        made.add(path)
