"""Repositories elsewhere, over the network or by path: what refs they have, and their objects brought here.

The other file that knows pygit2. A token goes to the server by callback alone: never into a url, a log, an error or a
command line.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from engine.core.errors import GitError
from engine.git import prepare

if TYPE_CHECKING:
    import pygit2

CONNECT_S = 10
SILENCE_S = 30  # a server that says nothing for so long is gone
HEADS, TAGS = "refs/heads/", "refs/tags/"
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^/:]{2,}):(?!/)")
_PEELED = "^{}"


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a repository is. `url` bears no password: what stood in it is in `user` and `token`."""

    url: str
    token: str | None = field(default=None, repr=False)
    user: str = ""

    @property
    def local(self) -> Path | None:
        """The folder on this machine, or None for a repository elsewhere."""
        return local_path(self.url)

    @property
    def server(self) -> str | None:
        """The web address of the server, or None when there is none to be told from the url."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else None


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """Branches and tags by full name, tags by the commit they lead to, and the default branch's short name."""

    commits: Mapping[str, str]
    default_branch: str | None


def remote(url: str, token: str | None = None) -> Remote:
    """Return the remote that a configured url and token mean."""
    if (path := local_path(url)) is not None:
        return Remote(str(path))
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.username is None:
        found = _SCP.match(url)
        return Remote(url, token, (found and found["user"]) or parts.username or "")
    host = parts.netloc.rpartition("@")[2]
    clean = urlunsplit((parts.scheme, host, parts.path, parts.query, parts.fragment))
    return Remote(clean, token or unquote(parts.password or "") or None, unquote(parts.username))


def local_path(url: str) -> Path | None:
    """Return the folder that a url without a host means."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    if "://" in url or _SCP.match(url):
        return None
    return Path(url).expanduser().absolute()


def make_mirror(path: Path, url: str) -> None:
    """Make a bare repository whose `origin` is `url`, or let an existing one follow it. Raises GitError."""
    import pygit2

    prepare()
    try:
        handle = pygit2.init_repository(str(path), bare=True)
        if "origin" not in [known.name for known in handle.remotes]:
            handle.remotes.create("origin", url)
        elif handle.remotes["origin"].url != url:
            handle.remotes.set_url("origin", url)
    except pygit2.GitError as error:
        raise GitError(f"The mirror {path} cannot be made: {error}.") from None


def list_refs(at: Path, source: Remote) -> RemoteRefs:
    """Ask a remote for its branches and tags. `at` is any repository here, for its settings.

    Raises GitError for whatever stands in the way: no network, no right to read, no such repository.
    """
    return _talk(at, source, lambda handle, calls: _refs_of(handle, calls))


def fetch(at: Path, source: Remote, refspecs: list[str]) -> RemoteRefs:
    """Bring refs and all that they lead to into the bare repository `at`; return what refs the remote has.

    A refspec may name a commit by its id alone. One that the remote lacks is passed over. Raises GitError.
    """

    def bring(handle: "pygit2.Remote", calls: "pygit2.RemoteCallbacks") -> RemoteRefs:
        import pygit2

        found = _refs_of(handle, calls)
        handle.fetch(refspecs, callbacks=calls, prune=pygit2.enums.FetchPrune.PRUNE, proxy=True)
        return found

    return _talk(at, source, bring)


def _talk(
    at: Path, source: Remote, what: "Callable[[pygit2.Remote, pygit2.RemoteCallbacks], RemoteRefs]"
) -> RemoteRefs:
    import pygit2

    prepare()
    pygit2.settings.server_connect_timeout = CONNECT_S * 1000
    pygit2.settings.server_timeout = SILENCE_S * 1000
    url = source.local.as_uri() if source.local else source.url
    try:
        handle = pygit2.Repository(str(at)).remotes.create_anonymous(url)
        return what(handle, _callbacks(source))
    except (GitError, pygit2.GitError, KeyError, ValueError, OSError) as error:
        said = str(error).strip("'\"") or type(error).__name__
        if source.token:
            said = said.replace(source.token, "***")
        raise GitError(f"{source.url} cannot be fetched from: {said}.") from None


def _refs_of(handle: "pygit2.Remote", calls: "pygit2.RemoteCallbacks") -> RemoteRefs:
    handle.connect(callbacks=calls, proxy=True)
    commits: dict[str, str] = {}
    default = None
    for head in handle.list_heads(callbacks=calls, connect=False):
        name = str(head.name)
        if name == "HEAD" and head.symref_target:
            default = str(head.symref_target).removeprefix(HEADS)
        plain = name.removesuffix(_PEELED)
        if plain.startswith((HEADS, TAGS)):  # the peeled line comes after the tag's own and wins
            commits[plain] = str(head.oid)
    return RemoteRefs(commits, default)


def _callbacks(source: Remote) -> "pygit2.RemoteCallbacks":
    import pygit2

    host = urlsplit(source.url).hostname

    class Callbacks(pygit2.RemoteCallbacks):
        """Answers each question for credentials once: a server that asks again has said no."""

        asked = 0

        def credentials(self, url: str, username_from_url: str | None, allowed_types: Any) -> Any:
            kinds = pygit2.enums.CredentialType
            self.asked += 1
            if self.asked > 3:
                raise GitError("the server refuses what it is given")
            user = username_from_url or source.user
            if allowed_types & kinds.USERPASS_PLAINTEXT and source.token and source.server:
                if self.asked > 1 or urlsplit(url).hostname != host:
                    raise GitError("the server refuses the token")
                return pygit2.UserPass(user or "treadle", source.token)
            if allowed_types & kinds.USERNAME:
                return pygit2.Username(user or "git")
            if allowed_types & kinds.SSH_KEY:
                keys = [None, *_key_files()]  # None: the agent's
                if self.asked <= len(keys):
                    key = keys[self.asked - 1]
                    return pygit2.Keypair(user or "git", f"{key}.pub", str(key), "") if key else _agent(user)
            raise GitError("the server asks who we are: set `token:` for this repository")

    return Callbacks()


def _agent(user: str) -> Any:
    import pygit2

    return pygit2.KeypairFromAgent(user or "git")


def _key_files() -> list[Path]:
    """Return the user's own keys that have both halves, best first."""
    names = ("id_ed25519", "id_ecdsa", "id_rsa")
    keys = (Path.home() / ".ssh" / name for name in names)
    return [key for key in keys if key.is_file() and key.with_name(f"{key.name}.pub").is_file()]
