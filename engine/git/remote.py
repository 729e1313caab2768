"""Repositories elsewhere, over the network or by path: what refs they have, and their objects brought here.

A token goes to the server by callback alone: never into a url, a log, an error or a command line. A server over ssh
has to be in known_hosts before it learns anything of us.
"""

import gc
import logging
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from engine.core.errors import GitError
from engine.core.refs import HEADS, TAGS
from engine.core.ssh_urls import PORT, host_of
from engine.git import ssh
from engine.git.repository import prepare
from engine.made_again import make_way
from pipelines.records import dataclass

if TYPE_CHECKING:
    import pygit2

log = logging.getLogger(__name__)
CONNECT_S = 10
SILENCE_S = 30  # a server that says nothing for so long is gone
_PEELED = "^{}"
_PASSING = ("Too many open", "No space", "Permission denied", "allocate", "Input/output", "Read-only")
HTTP_FIXES = (
    ("status code: 403", "The token of this repository lacks the right to read it."),
    ("status code: 404", "There is no such repository, or the token of this one may not know of it."),
    (
        "certificate",
        "A CA of your own is made known with `update-ca-certificates`, or with SSL_CERT_FILE=/its/file.pem.",
    ),
)
"""What is to be done when libgit2's words contain the first."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a repository is. `url` bears no password: what stood in it is in `user` and `token`.

    `ssh_key` is the private key file to show over ssh; without it the agent and the user's own keys are tried.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    user: str = ""
    ssh_key: Path | None = None

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


def remote(url: str, token: str | None = None, ssh_key: str | None = None) -> Remote:
    """Return the remote that a configured url, token and key file mean."""
    if (path := local_path(url)) is not None:
        return Remote(str(path))
    if (host := host_of(url)) is not None:
        return Remote(_without_password(url), token, host.user, Path(ssh_key) if ssh_key else None)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.username is None:
        return Remote(url, token, parts.username or "")
    host_part = parts.netloc.rpartition("@")[2]
    clean = urlunsplit((parts.scheme, host_part, parts.path, parts.query, parts.fragment))
    return Remote(clean, token or unquote(parts.password or "") or None, unquote(parts.username))


def _without_password(url: str) -> str:
    """Return a url for ssh without a password, which no server over ssh is told."""
    parts = urlsplit(url)
    if "://" not in url or parts.password is None:
        return url
    user, place = parts.netloc.rpartition("@")[::2]
    return urlunsplit((parts.scheme, f"{user.partition(':')[0]}@{place}", parts.path, parts.query, parts.fragment))


def local_path(url: str) -> Path | None:
    """Return the folder that a url without a host means."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    if "://" in url or host_of(url):
        return None
    return Path(url).expanduser().absolute()


def make_mirror(path: Path, url: str) -> None:
    """Make a bare repository whose `origin` is `url`, or let an existing one follow it. Raises GitError."""
    import pygit2

    prepare()
    try:
        handle = make_bare(path)
        if "origin" not in [known.name for known in handle.remotes]:
            handle.remotes.create("origin", url)
        elif handle.remotes["origin"].url != url:
            handle.remotes.set_url("origin", url)
    except (pygit2.GitError, KeyError, OSError) as error:
        raise GitError(f"The mirror {path} cannot be made: {error}.") from None


def make_bare(path: Path) -> "pygit2.Repository":
    """Open a bare repository of the home, made at need, and anew where it cannot be opened any more.

    Raises pygit2.GitError, KeyError, OSError.
    """
    import pygit2

    try:
        handle = pygit2.init_repository(str(path), bare=True)
        handle.references.get("HEAD")
        return handle
    except (pygit2.GitError, KeyError, OSError) as error:
        if not path.exists() or any(word in str(error) for word in _PASSING):
            raise
        put_aside(path, str(error))
        return pygit2.init_repository(str(path), bare=True)


def put_aside(path: Path, why: str) -> None:
    """Have a damaged repository of the home lie beside its place, where a person may look for what it held."""
    aside = path.with_suffix(".damaged")
    log.warning("%s is damaged (%s) and is made anew; what it held is in %s.", path, why, aside.name)
    make_way(aside)
    path.rename(aside)
    gc.collect()  # libgit2 knows a pack by its path, for as long as anybody has it open


def damage_of(path: Path) -> str:
    """Return what is wrong with a bare repository: a ref that cannot be read or leads nowhere; "" for a sound one."""
    import pygit2

    try:
        handle = pygit2.Repository(str(path))
        loose = {file.relative_to(path).as_posix() for file in path.glob("refs/**/*") if file.is_file()}
        for name in {*handle.references, *loose}:  # libgit2 does not name loose ones that it cannot read
            if not name.endswith(".lock") and (ref := handle.references.get(name)) is not None:  # else it went just now
                ref.peel()
    except (pygit2.GitError, KeyError, OSError) as error:
        return "" if any(word in str(error) for word in _PASSING) else str(error)
    return ""


def list_refs(at: Path, source: Remote) -> RemoteRefs:
    """Ask a remote for its branches and tags. `at` is any repository here, for its settings.

    Raises GitError for whatever stands in the way: no network, no right to read, no such repository.
    """
    return _talk(at, source, lambda handle, calls: _refs_of(handle, calls))


def fetch(at: Path, source: Remote, refspecs: list[str], depth: int = 0) -> RemoteRefs:
    """Bring refs and all that they lead to into the bare repository `at`; return what refs the remote has.

    A refspec may name a commit by its id alone. One that the remote lacks is passed over. `depth` leaves older commits
    out, where the remote can do that; 0 takes all. Raises GitError.
    """

    def bring(handle: "pygit2.Remote", calls: "pygit2.RemoteCallbacks") -> RemoteRefs:
        import pygit2

        found = _refs_of(handle, calls)
        prune = pygit2.enums.FetchPrune.PRUNE
        try:
            handle.fetch(refspecs, callbacks=calls, prune=prune, proxy=True, depth=0 if source.local else depth)
        except pygit2.GitError as error:
            if not depth or "shallow" not in str(error):
                raise
            handle.fetch(refspecs, callbacks=calls, prune=prune, proxy=True)
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
    calls = _callbacks(source)
    try:
        handle = pygit2.Repository(str(at)).remotes.create_anonymous(url)
        return what(handle, calls)
    except (GitError, pygit2.GitError, KeyError, ValueError, OSError) as error:
        reason = error if isinstance(error, GitError) else _told(error, source, calls.tried)
        said = str(reason.args[0])
        if source.token:
            said = said.replace(source.token, "***")
        raise GitError(f"{source.url} cannot be fetched from: {said}.", reason.fix) from None


def _told(error: Exception, source: Remote, tried: "list[Path | None]") -> GitError:
    """Return an error of libgit2's as a person needs it, with what to do about it."""
    import pygit2

    said = " ".join(str(error).strip("'\"").split()) or type(error).__name__
    host = host_of(source.url)
    if host is None:
        if isinstance(error, pygit2.CertificateError):
            said = "this machine does not trust the server's certificate"
        fix = next((fix for part, fix in HTTP_FIXES if part in said), "")
        return GitError(said.rstrip("."), fix)
    if "://" not in source.url and host.port != PORT:
        path = source.url.rpartition("]:")[2].lstrip("/")
        fix = f"Write it as ssh://{host.user or ssh.USER}@{host.name}:{host.port}/{path}"
        return GitError("this form of a url cannot have a port", fix)
    if isinstance(error, pygit2.CertificateError):
        return ssh.stranger(host)
    if "known_hosts" in said:
        return GitError(f"{ssh.known_hosts()} cannot be understood", "Take away lines that begin with `@`, or junk.")
    if isinstance(error, pygit2.AuthError):
        return ssh.refused(tried)
    if tried and tried[-1] is not ssh.AGENT and "private key" in said:
        return ssh.unlockable(tried[-1])
    return GitError(said.rstrip("."))


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


def _callbacks(source: Remote) -> Any:
    """Return what answers the server's questions; its `tried` are the ssh keys shown so far."""
    import pygit2

    kinds = pygit2.enums.CredentialType
    host = urlsplit(source.url).hostname

    class Callbacks(pygit2.RemoteCallbacks):
        """Shows everything once: a server that asks again has said no."""

        def __init__(self) -> None:
            super().__init__()
            self.tried: list[Path | None] = []
            self._keys = ssh.ways(source.ssh_key)
            self._token_shown = False

        def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:
            """Take libgit2's word, which of a host over ssh asks known_hosts; pygit2 by itself would take any."""
            return valid

        def credentials(self, url: str, username_from_url: str | None, allowed_types: Any) -> Any:
            user = username_from_url or source.user
            if allowed_types & kinds.USERNAME:
                return pygit2.Username(user or ssh.USER)
            if allowed_types & kinds.SSH_KEY:
                return self._key(user or ssh.USER)
            if allowed_types & kinds.USERPASS_PLAINTEXT and source.server:
                return self._token(url, user)
            raise GitError("the server wants to know in no way that we know who we are")

        def _key(self, user: str) -> Any:
            try:
                key = next(self._keys)
            except StopIteration:
                raise ssh.refused(self.tried) from None
            self.tried.append(key)
            return pygit2.KeypairFromAgent(user) if key is ssh.AGENT else pygit2.Keypair(user, None, str(key), "")

        def _token(self, url: str, user: str) -> Any:
            if not source.token:
                raise GitError("the server asks who we are", "Set `token:` for this repository.")
            if self._token_shown or urlsplit(url).hostname != host:
                fix = (
                    "See whether the token of this repository has run out, or belongs to somebody who may not read it."
                )
                raise GitError("the server refuses the token", fix)
            self._token_shown = True
            return pygit2.UserPass(user or "treadle", source.token)

    return Callbacks()
