"""A repository here on this machine, as it is. Here as in the whole folder pygit2 is imported at first use: not free.

Repositories of users are read, never written: what has to be written (a working tree as a commit) goes into a bare
mirror in the home that borrows the repository's objects.
"""

import difflib
import functools
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import GitError
from engine.git.files import Tree
from pipelines.records import dataclass

if TYPE_CHECKING:
    import pygit2

WORKFLOW_FOLDERS = (".treadle/workflows", ".forgejo/workflows", ".gitea/workflows", ".github/workflows")


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
    return str(find_commit(open_repository(repo), rev).id)


def commit_info(repo: Repo, rev: str) -> Commit:
    """Return who wrote what when. Raises GitError for a revision that is not there."""
    commit = find_commit(open_repository(repo), rev)
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
    diff = find_commit(handle, base).tree.diff_to_tree(find_commit(handle, head).tree)
    sides = (file for delta in diff.deltas for file in (delta.old_file, delta.new_file))
    return sorted({os.fsdecode(file.raw_path) for file in sides})


def merge_base(repo: Repo, one: str, other: str) -> str | None:
    """Return the newest commit that two have in common, or None. Raises GitError for one that is not there."""
    handle = open_repository(repo)
    found = handle.merge_base(find_commit(handle, one).id, find_commit(handle, other).id)
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
    """Return a repository as pygit2 has it, for the other files of this folder. Raises GitError."""
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


def find_commit(handle: "pygit2.Repository", rev: str) -> "pygit2.Commit":
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
        return find_commit(open_repository(repo), rev).tree[path.rstrip("/")]
    except KeyError:
        return None


def _names(repo: Repo, rev: str | None, folder: str) -> list[str] | None:
    import pygit2

    if rev is not None or repo.bare:
        found = _find(repo, rev or "HEAD", folder)
        return [entry.name or "" for entry in found] if isinstance(found, pygit2.Tree) else None
    place = repo.root / folder
    return [entry.name for entry in place.iterdir()] if place.is_dir() else None


def walk(handle: "pygit2.Repository", tree: "pygit2.Tree") -> Tree:
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


def setting(handle: "pygit2.Repository", key: str) -> str | None:
    config = handle.config
    return config[key] if key in config else None  # noqa: SIM401 (pygit2's Config has no get)


def _identity(handle: "pygit2.Repository") -> tuple[str, str]:
    return setting(handle, "user.name") or "", setting(handle, "user.email") or ""


def _remote_url(handle: "pygit2.Repository") -> str | None:
    remotes = {remote.name: remote.url for remote in handle.remotes}
    url = remotes.get("origin") or next(iter(remotes.values()), None)
    return re.sub(r"^(https?://)[^/@]*@", r"\1", url) if url else None


def _name(url: str | None) -> str | None:
    """Return OWNER/NAME of a url; None for a path on this machine, which has no owner."""
    found = re.match(r"(?:[a-z+]+://(?!/)[^/]+/|[^/:]+:(?!//))(.+)", url or "")
    parts = found[1].rstrip("/").removesuffix(".git").split("/")[-2:] if found else []
    return "/".join(parts) if len(parts) == 2 and all(parts) else None
