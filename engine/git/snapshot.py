"""A working tree as a commit, taken as it is. What is written goes into a bare mirror in the home, nothing else."""

import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import GitError
from engine.git.files import EXECUTABLE, LINK, PLAIN, SUBMODULE, Tree, tree_objects
from engine.git.folder import object_folders
from engine.git.remote import make_bare
from engine.git.repository import Repo, open_repository, setting, walk
from pipelines.records import dataclass

if TYPE_CHECKING:
    import pygit2

SNAPSHOT_EMAIL = "working-tree@treadle.invalid"  # the committer that marks a snapshot, so that its sha alone tells


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A working tree as a commit. Clean: `sha` is `head`. Dirty: a commit on `head`, the same one for the same files.

    `repo` is the repository with the mirror that holds the snapshot; `notes` say what could not be taken in.
    """

    repo: Repo
    sha: str
    tree: str
    dirty: bool
    head: str | None
    notes: tuple[str, ...] = ()


def snapshot_worktree(repo: Repo, mirror: Path) -> Snapshot:
    """Take the working tree as it is: tracked and untracked files, not the ignored ones, with deletions and modes.

    Only what `git status` calls changed is read. Objects go into the bare repository `mirror`, made at need; into
    the user's repository goes nothing, not even a refreshed index. Raises GitError for a file that cannot be read.
    """
    import pygit2

    if repo.bare:
        raise GitError(f"{repo.root} is bare: it has no working tree.", "Name a commit with --ref.")
    handle = open_repository(replace(repo, mirror=None))
    make_bare(mirror)
    borrowed = "".join(f"{folder}\n" for folder in object_folders(repo.git_dir))
    (mirror / "objects/info").mkdir(exist_ok=True)
    (mirror / "objects/info/alternates").write_text(borrowed, errors="surrogateescape")
    head = None if handle.head_is_unborn else handle.head.peel(pygit2.Commit)
    before = walk(handle, head.tree) if head is not None else Tree({}, ())
    changes = handle.status(untracked_files="all")
    # What writes must not see the repository's own objects: libgit2 would touch the files of those it has already.
    store = pygit2.Odb()
    store.add_backend(pygit2.OdbBackendLoose(str(mirror / "objects"), -1, False), 1)
    handle.set_odb(store)

    files, notes = dict(before.files), []
    trust_modes = setting(handle, "core.filemode") != "false"
    for path, flags in changes.items():
        name = path.rstrip("/")
        mode = _mode_on_disk(repo.root / name)
        if stat.S_ISDIR(mode):
            if files.get(name, (SUBMODULE,))[0] == SUBMODULE and (repo.root / name / ".git").exists():
                notes.append(f"{name} is a repository of its own and is left as the commit has it")
            else:
                files.pop(name, None)
        elif not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            files.pop(name, None)
        elif flags & pygit2.enums.FileStatus.INDEX_DELETED and not flags & pygit2.enums.FileStatus.WT_NEW:
            files.pop(name, None)  # no longer tracked, and ignored
        else:
            files[name] = (
                _git_mode(mode, files[name][0] if name in files and not trust_modes else 0),
                _blob(handle, name),
            )
    found = replace(repo, mirror=mirror, head=str(head.id) if head else None)
    if head is not None and files == before.files:
        return Snapshot(found, str(head.id), str(head.tree_id), False, str(head.id), tuple(notes))
    tree, objects = tree_objects(files)
    for sha in objects.keys() - set(before.folders):
        store.write(pygit2.enums.ObjectType.TREE, objects[sha])
    sha = str(store.write(pygit2.enums.ObjectType.COMMIT, _snapshot_commit(repo, tree, head)))
    return Snapshot(found, sha, tree, True, str(head.id) if head else None, tuple(notes))


def _mode_on_disk(place: Path) -> int:
    """Return the mode of what lies there, 0 for nothing."""
    try:
        return place.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _git_mode(mode: int, known: int) -> int:
    """Return git's mode for a file's; its executable bit is as in `known`, when that is a file's."""
    if stat.S_ISLNK(mode):
        return LINK
    return known if known in (EXECUTABLE, PLAIN) else EXECUTABLE if mode & 0o100 else PLAIN


def _blob(handle: "pygit2.Repository", path: str) -> str:
    import pygit2

    try:
        return str(handle.create_blob_fromworkdir(path))
    except (OSError, KeyError, pygit2.GitError) as error:
        raise GitError(f"{path} in the working tree cannot be read: {error}.") from None


def _snapshot_commit(repo: Repo, tree: str, head: "pygit2.Commit | None") -> bytes:
    """Return the raw commit: dated as `head`, so that the same files on the same commit make the same snapshot."""
    at, offset = (head.commit_time, head.commit_time_offset) if head is not None else (0, 0)
    when = f"{at} {'-' if offset < 0 else '+'}{abs(offset) // 60:02}{abs(offset) % 60:02}"
    name, email = (re.sub(r"[<>\0\n]", "", text) for text in (repo.author_name, repo.author_email))
    lines = [f"tree {tree}", *([f"parent {head.id}"] if head is not None else [])]
    lines += [
        f"author {name or 'treadle'} <{email or SNAPSHOT_EMAIL}> {when}",
        f"committer treadle <{SNAPSHOT_EMAIL}> {when}",
    ]
    message = f"The working tree of {repo.branch or 'a detached HEAD'}"
    return "\n".join([*lines, "", message, ""]).encode("utf-8", "surrogateescape")
