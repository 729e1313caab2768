"""Git here on this machine. Knows pygit2, as git_remote does and no other file (imported at first use: not free).

Repositories of users are read, never written: what has to be written (a working tree as a commit) goes into a bare
mirror in the home that borrows the repository's objects.
"""

import difflib
import functools
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import GitError
from engine.git_files import EXECUTABLE, LINK, PLAIN, SUBMODULE, Tree, index_entries, tree_objects, write_files
from engine.git_folder import (
    common_dir,
    link_file,
    link_loose,
    link_objects,
    object_folders,
    write_git_folder,
    write_index,
)

if TYPE_CHECKING:
    import pygit2

WORKFLOW_FOLDERS = (".treadle/workflows", ".forgejo/workflows", ".gitea/workflows", ".github/workflows")
SNAPSHOT_EMAIL = "working-tree@treadle.invalid"  # the committer that marks a snapshot, so that its sha alone tells


@dataclass(frozen=True, slots=True)
class Repo:
    """What a repository is at the moment of looking. `root` is its working tree, or the folder of a bare one.

    `name` is OWNER/NAME from the remote's url, else local/FOLDER. `remote_url` bears no password. `head` is None
    before the first commit, `branch` when HEAD is detached. `mirror` lends its objects when set.
    """

    root: Path
    git_dir: Path
    name: str
    remote_url: str | None
    head: str | None
    branch: str | None
    author_name: str
    author_email: str
    bare: bool = False
    mirror: Path | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    message: str
    at: datetime


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


def discover(path: Path) -> Repo | None:
    """Return the repository that `path` lies in, or None. Raises GitError when there is one that cannot be read."""
    import pygit2

    prepare()
    try:
        found = pygit2.discover_repository(str(path))
        if found is None:
            return None
        handle = pygit2.Repository(found)
    except pygit2.GitError as error:
        raise GitError(f"The repository at {path} cannot be opened: {error}.") from None
    git_dir = Path(handle.path)
    root = Path(handle.workdir) if handle.workdir else git_dir
    url = _remote_url(handle)
    name, email = _identity(handle)
    unborn = handle.head_is_unborn
    target = handle.lookup_reference("HEAD").target if not handle.head_is_detached else None
    return Repo(
        root=root,
        git_dir=git_dir,
        name=_name(url) or f"local/{(root.name if root.name != '.git' else root.parent.name).removesuffix('.git')}",
        remote_url=url,
        head=None if unborn else str(handle.head.target),
        branch=target.removeprefix("refs/heads/") if isinstance(target, str) else None,
        author_name=name,
        author_email=email,
        bare=handle.is_bare,
    )


def resolve(repo: Repo, rev: str) -> str:
    """Return the sha of the commit that `rev` names. Raises GitError with the names that come near."""
    return str(_commit(open_repository(repo), rev).id)


def commit_info(repo: Repo, rev: str) -> Commit:
    """Return who wrote what when. Raises GitError for a revision that is not there."""
    commit = _commit(open_repository(repo), rev)
    return Commit(
        sha=str(commit.id),
        tree=str(commit.tree_id),
        parents=tuple(str(parent) for parent in commit.parent_ids),
        author_name=commit.author.raw_name.decode(errors="replace"),
        author_email=commit.author.raw_email.decode(errors="replace"),
        message=commit.raw_message.decode(errors="replace"),
        at=datetime.fromtimestamp(commit.commit_time, UTC),
    )


def workflow_files(repo: Repo, rev: str | None) -> dict[str, bytes]:
    """Return the workflow files by path, of the first known folder that the commit has (None: the working tree)."""
    for folder in WORKFLOW_FOLDERS:
        names = _names(repo, rev, folder)
        if names is not None:
            paths = (f"{folder}/{name}" for name in sorted(names) if name.endswith((".yml", ".yaml")))
            return {path: data for path in paths if (data := read_file(repo, rev, path)) is not None}
    return {}


def read_file(repo: Repo, rev: str | None, path: str) -> bytes | None:
    """Return a file of a commit, or with `rev` None of the working tree; None when there is no such file inside."""
    import pygit2

    if rev is not None or repo.bare:
        found = _find(repo, rev or "HEAD", path)
        return found.data if isinstance(found, pygit2.Blob) else None
    try:
        place = (repo.root / path).resolve()
        return place.read_bytes() if place.is_relative_to(repo.root.resolve()) and place.is_file() else None
    except OSError as error:
        raise GitError(f"{path} cannot be read: {error.strerror}.") from None


def changed_files(repo: Repo, base: str, head: str) -> list[str]:
    """Return the paths that differ between two commits, sorted; of a renamed file both."""
    handle = open_repository(repo)
    diff = _commit(handle, base).tree.diff_to_tree(_commit(handle, head).tree)
    sides = (file for delta in diff.deltas for file in (delta.old_file, delta.new_file))
    return sorted({os.fsdecode(file.raw_path) for file in sides})


def merge_base(repo: Repo, one: str, other: str) -> str | None:
    """Return the newest commit that two have in common, or None. Raises GitError for one that is not there."""
    handle = open_repository(repo)
    found = handle.merge_base(_commit(handle, one).id, _commit(handle, other).id)
    return None if found is None else str(found)


def ignored(repo: Repo, paths: Iterable[Path]) -> set[Path]:
    """Return those of `paths` that the working tree's `.gitignore` files (or git itself) keep out, or lie outside."""
    handle = open_repository(repo)
    found = set()
    for path in paths:
        inside = path.relative_to(repo.root).as_posix() if path.is_relative_to(repo.root) else ""
        if not inside or inside == ".git" or inside.startswith(".git/") or handle.path_is_ignored(inside):
            found.add(path)
    return found


def snapshot_worktree(repo: Repo, mirror: Path) -> Snapshot:
    """Take the working tree as it is: tracked and untracked files, not the ignored ones, with deletions and modes.

    Only what `git status` calls changed is read. Objects go into the bare repository `mirror`, made at need; into
    the user's repository goes nothing, not even a refreshed index. Raises GitError for a file that cannot be read.
    """
    import pygit2

    if repo.bare:
        raise GitError(f"{repo.root} is bare: it has no working tree.", "Name a commit with --ref.")
    handle = open_repository(replace(repo, mirror=None))
    pygit2.init_repository(str(mirror), bare=True)
    borrowed = "".join(f"{folder}\n" for folder in object_folders(repo.git_dir))
    (mirror / "objects/info").mkdir(exist_ok=True)
    (mirror / "objects/info/alternates").write_text(borrowed, errors="surrogateescape")
    head = None if handle.head_is_unborn else handle.head.peel(pygit2.Commit)
    before = _walk(handle, head.tree) if head is not None else Tree({}, ())
    changes = handle.status(untracked_files="all")
    # What writes must not see the repository's own objects: libgit2 would touch the files of those it has already.
    store = pygit2.Odb()
    store.add_backend(pygit2.OdbBackendLoose(str(mirror / "objects"), -1, False), 1)
    handle.set_odb(store)

    files, notes = dict(before.files), []
    trust_modes = _setting(handle, "core.filemode") != "false"
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


def materialise(repo: Repo, sha: str, dest: Path, branch: str | None, base: tuple[Path, str] | None = None) -> int:
    """Write commit or snapshot `sha` with a whole `.git` into the empty folder `dest`; return the bytes of its files.

    HEAD is on `branch`, or detached with None. A snapshot's files lie on its real commit, so that git shows them as
    changes; without any commit HEAD is the snapshot itself. Files that `base` (a finished checkout and its sha,
    neither ever written again) has just so become hard links to it.
    """
    handle = open_repository(repo)
    commit = _commit(handle, sha)
    snapshot = commit.committer.raw_email == SNAPSHOT_EMAIL.encode()
    head = commit.parents[0] if snapshot and commit.parent_ids else commit
    tree = _walk(handle, commit.tree)
    known = _walk(handle, _commit(handle, base[1]).tree).files if base and base[1] in handle else {}
    attributes = commit if any(path.rsplit("/", 1)[-1] == ".gitattributes" for path in tree.files) else None
    size = write_files(dest, tree, functools.partial(_content, handle, attributes), known, base and base[0])

    git = dest / ".git"
    write_git_folder(git, str(head.id), _refs(handle), branch, repo.remote_url)
    link_objects(object_folders(repo.git_dir), git / "objects")
    shallow = common_dir(repo.git_dir) / "shallow"
    if shallow.is_file():
        link_file(shallow, git / "shallow")
    staged = tree.files if head is commit else _walk(handle, head.tree).files
    if snapshot and repo.mirror:
        for oid in (str(commit.id), *tree.folders, *(oid for _, oid in tree.files.values())):
            link_loose(oid, repo.mirror / "objects", git / "objects")
    write_index(git / "index", index_entries(staged, tree.files, dest))
    return size


def export(repo: Repo, sha: str, dest: Path) -> int:
    """Write the files of a commit, without any `.git`, into the empty folder `dest`; return their bytes."""
    handle = open_repository(repo)
    commit = _commit(handle, sha)
    tree = _walk(handle, commit.tree)
    attributes = commit if any(path.rsplit("/", 1)[-1] == ".gitattributes" for path in tree.files) else None
    return write_files(dest, tree, functools.partial(_content, handle, attributes), {}, None)


def start_repository(folder: Path, message: str, at: datetime) -> str:
    """Make a folder of Treadle's own a repository; return its first commit, on `main`, with all that is in it."""
    import pygit2

    prepare()
    handle = pygit2.init_repository(str(folder), initial_head="main")
    handle.index.add_all()
    handle.index.write()
    author = pygit2.Signature("treadle", "demo@treadle.invalid", int(at.timestamp()), 0)
    return str(handle.create_commit("HEAD", author, author, message, handle.index.write_tree(), []))


def open_repository(repo: Repo) -> "pygit2.Repository":
    """Return a repository as pygit2 has it, for the other files that know pygit2. Raises GitError."""
    import pygit2

    prepare()
    try:
        handle = pygit2.Repository(str(repo.git_dir))
        if repo.mirror is not None:
            handle.odb.add_disk_alternate(str(repo.mirror / "objects"))
    except pygit2.GitError as error:
        raise GitError(f"The repository at {repo.root} cannot be opened: {error}.") from None
    return handle


@functools.cache
def prepare() -> None:
    """Set what holds for every repository of this process."""
    import pygit2

    # A service reads repositories of other users; none of their settings can make libgit2 run a program.
    pygit2.settings.owner_validation = False


def _commit(handle: "pygit2.Repository", rev: str) -> "pygit2.Commit":
    import pygit2

    for name in (rev, f"refs/remotes/origin/{rev}"):  # a branch of the remote may go by its short name, as on a forge
        try:
            return handle.revparse_single(name).peel(pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError):
            continue
    names = [re.sub(r"^refs/(heads|tags|remotes)/", "", name) for name in handle.listall_references()]
    near = difflib.get_close_matches(rev, names, 3)
    raise GitError(
        f"There is no commit {rev!r} in {handle.workdir or handle.path}.",
        f"Did you mean {' or '.join(near)}?" if near else "",
    )


def _find(repo: Repo, rev: str, path: str) -> "pygit2.Object | None":
    try:
        return _commit(open_repository(repo), rev).tree[path.rstrip("/")]
    except KeyError:
        return None


def _names(repo: Repo, rev: str | None, folder: str) -> list[str] | None:
    import pygit2

    if rev is not None or repo.bare:
        found = _find(repo, rev or "HEAD", folder)
        return [entry.name or "" for entry in found] if isinstance(found, pygit2.Tree) else None
    place = repo.root / folder
    return [entry.name for entry in place.iterdir()] if place.is_dir() else None


def _walk(handle: "pygit2.Repository", tree: "pygit2.Tree") -> Tree:
    import pygit2

    files: dict[str, tuple[int, str]] = {}
    folders = [str(tree.id)]
    waiting: list[tuple[str, pygit2.Tree]] = [("", tree)]
    while waiting:
        prefix, folder = waiting.pop()
        for entry in folder:
            name = os.fsdecode(entry.raw_name or b"")
            if name in ("", ".", "..") or "/" in name or name.lower() == ".git":
                raise GitError(f"The commit has a path {prefix + name!r} that no checkout may have.")
            if entry.filemode == 0o040000:
                folders.append(str(entry.id))
                below = handle[entry.id]
                assert isinstance(below, pygit2.Tree)
                waiting.append((f"{prefix}{name}/", below))
            else:
                files[prefix + name] = (entry.filemode, str(entry.id))
    return Tree(files, tuple(folders))


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


def _setting(handle: "pygit2.Repository", key: str) -> str | None:
    config = handle.config
    return config[key] if key in config else None  # noqa: SIM401 (pygit2's Config has no get)


def _identity(handle: "pygit2.Repository") -> tuple[str, str]:
    return _setting(handle, "user.name") or "", _setting(handle, "user.email") or ""


def _remote_url(handle: "pygit2.Repository") -> str | None:
    remotes = {remote.name: remote.url for remote in handle.remotes}
    url = remotes.get("origin") or next(iter(remotes.values()), None)
    return re.sub(r"^(https?://)[^/@]*@", r"\1", url) if url else None


def _name(url: str | None) -> str | None:
    """Return OWNER/NAME of a url; None for a path on this machine, which has no owner."""
    found = re.match(r"(?:[a-z+]+://(?!/)[^/]+/|[^/:]+:(?!//))(.+)", url or "")
    parts = found[1].rstrip("/").removesuffix(".git").split("/")[-2:] if found else []
    return "/".join(parts) if len(parts) == 2 and all(parts) else None
