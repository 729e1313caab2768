"""The two sockets that the server listens on: TCP, and the home's own, which only its owner can open."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.core.errors import EngineError
from engine.made_again import make_way
from engine.settings.model import Listen

NAME = "treadle.sock"
BACKLOG = 512
LONGEST = 100  # bytes of a socket's path; Linux takes 107


class AddressTaken(EngineError):
    """Another program listens on the address."""


@contextmanager
def tcp_socket(listen: Listen) -> Iterator[socket.socket]:
    """Yield a socket that listens on the address. Raises EngineError when another program has it, or it is not ours."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, proto)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(BACKLOG)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        where = f"{listen.host}:{listen.port}"
        kind_of = AddressTaken if error.errno == errno.EADDRINUSE else EngineError
        raise kind_of(
            f"The server cannot listen on {where}: {error.strerror}.", "Set `listen:` in treadle.yml."
        ) from None
    with bound:
        yield bound


@contextmanager
def home_socket(home: Path, name: str = NAME) -> Iterator[socket.socket]:
    """Yield a socket that listens on `<home>/treadle.sock` (0600). Who has the home's lock may replace an old one.

    Another `name` is for who serves itself alone, beside the engine of another process.
    """
    path = home / name
    make_way(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        with short_path(path) as address:
            bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise EngineError(f"The server cannot listen on {path}: {error.strerror}.") from None
    finally:
        os.umask(mask)
    with bound:
        try:
            yield bound
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Yield a name for a socket that is short enough for the kernel, however deep its folder lies."""
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
