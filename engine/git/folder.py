"""The `.git` of a finished checkout, written by hand: self-contained, without alternates or a path of this machine.

Objects are hard links to the repository's own (copies where links are refused), so that the whole history costs
nothing; what git ever writes into its objects folder is new files, never these.
"""

import errno
import hashlib
import os
import shutil
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.core.errors import GitError
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One line of the index. With `stat` None git looks at the file's content before it calls it unchanged."""

    path: bytes
    mode: int
    sha: bytes
    stat: os.stat_result | None


def object_folders(git_dir: Path) -> list[Path]:
    """Return the folders that hold a repository's objects: its own, then its alternates, theirs, and so on."""
    found: list[Path] = []
    waiting = [common_dir(git_dir) / "objects"]
    while waiting:
        folder = waiting.pop(0)
        if folder in found or not folder.is_dir():
            continue
        found.append(folder)
        alternates = folder / "info/alternates"
        if alternates.is_file():
            lines = alternates.read_text(errors="surrogateescape").splitlines()
            waiting += [(folder / line).resolve() for line in lines if line and not line.startswith("#")]
    return found


def common_dir(git_dir: Path) -> Path:
    """Return the git folder that linked worktrees share; the folder itself when it is none of theirs."""
    pointer = git_dir / "commondir"
    return (git_dir / pointer.read_text().strip()).resolve() if pointer.is_file() else git_dir


def link_objects(folders: Iterable[Path], dest: Path) -> None:
    """Give `dest` (an objects folder) every object of `folders`. Raises GitError when they keep moving away."""
    for source in folders:
        for _ in range(3):
            try:
                _link_folder(source, dest)
                break
            except FileNotFoundError:  # a `git gc` repacked between our look and our link: look again
                continue
        else:
            raise GitError(f"The objects in {source} change faster than they can be read.", "Wait for `git gc` to end.")


def link_loose(sha: str, source: Path, dest: Path) -> None:
    """Give `dest` one loose object of `source` (both objects folders); nothing when it has it not, or not loose."""
    loose = source / sha[:2] / sha[2:]
    if loose.exists():
        (dest / sha[:2]).mkdir(exist_ok=True)
        link_file(loose, dest / sha[:2] / sha[2:])


def link_file(source: Path, dest: Path) -> None:
    """Make `dest` the same file as `source`, or a copy where the system allows no link. An existing `dest` stays."""
    try:
        os.link(source, dest, follow_symlinks=False)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP):
            raise
        shutil.copy2(source, dest, follow_symlinks=False)


def write_git_folder(folder: Path, head: str, refs: Mapping[str, str], branch: str | None, url: str | None) -> None:
    """Write all of `.git` but objects and index: HEAD on `branch`, or detached at the sha `head`.

    Every branch is there as a remote one too, as after a full clone. Settings are such that copying the checkout or
    seeing it through another file system does not make git take every file for changed.
    """
    for made in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (folder / made).mkdir(parents=True, exist_ok=True)
    all_refs = {f"refs/remotes/origin/{name[11:]}": sha for name, sha in refs.items() if name.startswith("refs/heads/")}
    all_refs |= refs
    if branch:
        all_refs[f"refs/heads/{branch}"] = head
    lines = (f"{sha} {name}\n" for name, sha in sorted(all_refs.items()))
    (folder / "packed-refs").write_text("".join(lines), errors="surrogateescape")
    (folder / "HEAD").write_text(f"ref: refs/heads/{branch}\n" if branch else f"{head}\n", errors="surrogateescape")
    config = (
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"
        "\ttrustctime = false\n\tcheckStat = minimal\n[gc]\n\tauto = 0\n"
    )
    if url:
        config += f'[remote "origin"]\n\turl = {_quoted(url)}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
        if branch:
            config += f"[branch {_quoted(branch)}]\n\tremote = origin\n\tmerge = {_quoted('refs/heads/' + branch)}\n"
    (folder / "config").write_text(config, errors="surrogateescape")


def write_index(path: Path, entries: Iterable[IndexEntry]) -> None:
    """Write a version 2 index (git: "index-format")."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    parts = [struct.pack(">4sII", b"DIRC", 2, len(ordered))]
    for entry in ordered:
        times = (0,) * 9
        if (stat := entry.stat) is not None:
            change, written = divmod(stat.st_ctime_ns, 10**9), divmod(stat.st_mtime_ns, 10**9)
            times = (*change, *written, stat.st_dev, stat.st_ino, stat.st_uid, stat.st_gid, stat.st_size)
        words = [value & 0xFFFFFFFF for value in (*times[:6], entry.mode, *times[6:])]
        record = struct.pack(">10I20sH", *words, entry.sha, min(len(entry.path), 0xFFF)) + entry.path
        parts.append(record + bytes(8 - len(record) % 8))
    body = b"".join(parts)
    path.write_bytes(body + hashlib.sha1(body, usedforsecurity=False).digest())


def _link_folder(source: Path, dest: Path) -> None:
    for folder in os.scandir(source):
        loose = len(folder.name) == 2
        if not folder.is_dir() or not (loose or folder.name == "pack"):
            continue
        target = dest / folder.name
        target.mkdir(parents=True, exist_ok=True)
        for file in os.scandir(folder.path):
            if len(file.name) == 38 if loose else file.name.endswith((".pack", ".idx", ".rev", ".promisor")):
                link_file(Path(file.path), target / file.name)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
