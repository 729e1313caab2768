"""A commit or a snapshot as files: a whole checkout, or the files alone. Runs no filter and no program of anybody's."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import GitError
from engine.git.files import Tree, index_entries, write_files
from engine.git.folder import (
    common_dir,
    link_file,
    link_loose,
    link_objects,
    object_folders,
    write_git_folder,
    write_index,
)
from engine.git.repository import Repo, find_commit, open_repository, walk
from engine.git.snapshot import SNAPSHOT_EMAIL

if TYPE_CHECKING:
    import pygit2


def materialise(repo: Repo, sha: str, dest: Path, branch: str | None, base: tuple[Path, str] | None = None) -> int:
    """Write commit or snapshot `sha` with a whole `.git` into the empty folder `dest`; return the bytes of its files.

    HEAD is on `branch`, or detached with None. A snapshot's files lie on its real commit, so that git shows them as
    changes; without any commit HEAD is the snapshot itself. Files that `base` (a finished checkout and its sha,
    neither ever written again) has just so become hard links to it.
    """
    handle = open_repository(repo)
    commit = find_commit(handle, sha)
    snapshot = commit.committer.raw_email == SNAPSHOT_EMAIL.encode()
    head = commit.parents[0] if snapshot and commit.parent_ids else commit
    tree = walk(handle, commit.tree)
    known = walk(handle, find_commit(handle, base[1]).tree).files if base and base[1] in handle else {}
    size = write_files(dest, tree, _reader(handle, commit, tree), known, base and base[0])

    git = dest / ".git"
    write_git_folder(git, str(head.id), _refs(handle), branch, repo.remote_url)
    link_objects(object_folders(repo.git_dir), git / "objects")
    shallow = common_dir(repo.git_dir) / "shallow"
    if shallow.is_file():
        link_file(shallow, git / "shallow")
    staged = tree.files if head is commit else walk(handle, head.tree).files
    if snapshot and repo.mirror:
        for oid in (str(commit.id), *tree.folders, *(oid for _, oid in tree.files.values())):
            link_loose(oid, repo.mirror / "objects", git / "objects")
    write_index(git / "index", index_entries(staged, tree.files, dest))
    return size


def export(repo: Repo, sha: str, dest: Path) -> int:
    """Write the files of a commit, without any `.git`, into the empty folder `dest`; return their bytes."""
    handle = open_repository(repo)
    commit = find_commit(handle, sha)
    tree = walk(handle, commit.tree)
    return write_files(dest, tree, _reader(handle, commit, tree), {}, None)


def _reader(handle: "pygit2.Repository", commit: "pygit2.Commit", tree: Tree) -> Callable[[str, str], bytes]:
    """Return what gives a file of a commit as it lies on disk; attributes are looked up only where there are any."""
    attributes = commit if any(path.rsplit("/", 1)[-1] == ".gitattributes" for path in tree.files) else None
    return functools.partial(_content, handle, attributes)


def _content(handle: "pygit2.Repository", attributes: "pygit2.Commit | None", path: str, oid: str) -> bytes:
    """Return a file as it lies on disk: its blob, with line ends and `$Id$` as the commit's `attributes` want them.

    Other filters need programs of the user's and are not run. A link (`path` empty) has none.
    """
    import pygit2

    blob = handle.get(oid)
    if not isinstance(blob, pygit2.Blob):
        raise GitError(f"{path} cannot be checked out: its content {oid} is not in the repository.")
    if attributes is None or not path:
        return blob.data
    look = pygit2.enums.AttrCheck.INCLUDE_COMMIT
    wanted = [handle.get_attr(path, name, look, attributes.id) for name in ("eol", "ident")]
    if "crlf" not in wanted and True not in wanted:
        return blob.data
    filters = pygit2.enums.BlobFilter.CHECK_FOR_BINARY | pygit2.enums.BlobFilter.ATTRIBUTES_FROM_COMMIT
    with pygit2.BlobIO(blob, as_path=path, commit_id=attributes.id, flags=filters) as content:
        return bytes(content.read())


def _refs(handle: "pygit2.Repository") -> dict[str, str]:
    """Return branches, tags and remote branches by full name: what they point at, broken ones left out."""
    found = {}
    for name in handle.listall_references():
        if name.startswith(("refs/heads/", "refs/tags/", "refs/remotes/")):
            target = handle.lookup_reference(name).resolve().target
            if target in handle:
                found[name] = str(target)
    return found
