"""Who we are to a server over ssh, and who the server has to be: key files, the agent, known_hosts.

Nothing of `~/.ssh/config` is read: what counts is the configured key, else the agent and the user's usual key files.
"""

import base64
import binascii
import hashlib
import hmac
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from engine.core.errors import GitError
from engine.core.ssh_urls import PORT, Host

USER = "git"
AGENT = None  # in place of a key file
USUAL_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
OPEN_RIGHTS = 0o077


def known_hosts() -> Path:
    return Path.home() / ".ssh/known_hosts"


def ways(configured: Path | None) -> Iterator[Path | None]:
    """Yield the key files to try, best first, AGENT among them. Raises GitError for one that must not be used.

    A key that the configuration names is the only way. A passphrase cannot be asked for; the agent has keys with one.
    """
    if configured is not None:
        yield _sound(configured)
        return
    if os.environ.get("SSH_AUTH_SOCK"):
        yield AGENT
    for name in USUAL_KEYS:
        if (key := Path.home() / ".ssh" / name).is_file():
            yield _sound(key)


def _sound(key: Path) -> Path:
    """Refuse a key of ours that others may read, as ssh does; one of another owner was given to us on purpose."""
    try:
        facts = key.stat()
        with key.open("rb"):
            pass
    except FileNotFoundError:
        raise GitError(f"the key {key} is not there", "`ssh_key:` names a private key file of this machine.") from None
    except OSError as error:
        fix = f"Give it to the user that treadle runs as: chown {os.geteuid()} {shlex.quote(str(key))}"
        raise GitError(f"the key {key} cannot be read: {error.strerror}", fix) from None
    if facts.st_uid == os.geteuid() and facts.st_mode & OPEN_RIGHTS:
        fix = f"Close it: chmod 600 {shlex.quote(str(key))}"
        raise GitError(f"the key {key} is open to others (its rights are {facts.st_mode & 0o777:03o})", fix)
    return key


def unlockable(key: Path) -> GitError:
    """Return what to say of a file that cannot be opened as a private key."""
    fix = f"Nobody is there to type one: `ssh-keygen -p -f {shlex.quote(str(key))}` takes it away, or use an agent."
    return GitError(f"the key {key} has a passphrase, or is no private key", fix)


def refused(tried: list[Path | None]) -> GitError:
    """Return what to say when the server took none of what it was shown."""
    if not tried:
        folder = Path.home() / ".ssh"
        fix = f"Set `ssh_key:` for this repository, or put a key without a passphrase into {folder}."
        return GitError("the server asks for a key, and there is none", fix)
    names = ", ".join("the agent's" if key is AGENT else str(key) for key in tried)
    return GitError(f"the server refuses every key ({names})", "Give it the public half as a deploy key.")


def stranger(host: Host) -> GitError:
    """Return what to say of a host whose key is not the known one: it is new to us, or it is another now."""
    path = known_hosts()
    port = "" if host.port == PORT else f"-p {host.port} "
    folder = "" if path.parent.is_dir() else f"mkdir -m 700 -p {shlex.quote(str(path.parent))} && "
    keep = f"{folder}ssh-keyscan {port}{shlex.quote(host.name)} >> {shlex.quote(str(path))}"
    if knows(path, host):
        forget = f"ssh-keygen -R {shlex.quote(host.entry)} -f {shlex.quote(str(path))}"
        return GitError(
            f"the host key of {host.entry} is not the one that {path} knows: the server was set up anew, "
            "or somebody else answers in its place",
            f"Once its owner has told you that it changed: `{forget}`, then `{keep}`.",
        )
    return GitError(
        f"the host key of {host.entry} is not in {path}",
        f"Run `{keep}`, and compare what `ssh-keygen -l -f {shlex.quote(str(path))}` shows with what its owner tells.",
    )


def knows(path: Path, host: Host) -> bool:
    """Tell whether a known_hosts file names a host, in the clear or hashed."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return False
    names = (host.entry, host.name)
    return any(_names(line.split(maxsplit=1)[0], names) for line in lines if line.strip() and line[0] not in "#@")


def _names(field: str, names: tuple[str, ...]) -> bool:
    if not field.startswith("|1|"):
        return not set(field.lower().split(",")).isdisjoint(names)
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in field[3:].split("|"))
    except (binascii.Error, ValueError):
        return False
    return any(hmac.compare_digest(hmac.digest(salt, name.encode(), hashlib.sha1), digest) for name in names)
