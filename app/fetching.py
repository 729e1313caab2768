"""One stream of bytes into a file that is not there yet: of an artifact, as one archive, or one file of it.

What an earlier try left is gone on from, be it here or over a network; the file appears when all of it is here.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from app.unpacking import UnpackError
from app.wording import size
from engine.core.errors import EngineError
from engine.store.contents.manifest import led_to
from pipelines.records import dataclass
from widgets.safe_text import plain

ELSEWHERE = "Choose another place with --output."
Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One stream of bytes, and what it is called. `key` stands for exactly these bytes; `digest` is their SHA-256,
    where it is known."""

    name: str
    key: str
    size_bytes: int
    chunks: Callable[[int], Iterator[bytes]]
    digest: str = ""
    mode: int = 0o644


def wanted_file(contents: Told, path: str, chunks: Callable[[str, int], Iterator[bytes]]) -> Wanted:
    """Return one file of an artifact, links followed; `chunks` gives it from a byte on. Raises EngineError for none."""
    links = {one["path"]: one["link"] for one in contents["files"] if one["link"] is not None}
    found = led_to(path, links)
    file = next((one for one in contents["files"] if one["path"] == found and one["link"] is None), None)
    if file is None:
        raise EngineError(f"The artifact {contents['name']!r} has no file {path!r}.", _near(path, contents["files"]))
    return Wanted(
        name=file_name(path),
        key=file["digest"][:32],
        size_bytes=file["size_bytes"],
        chunks=lambda start: chunks(found, start),
        digest=file["digest"],
        mode=file["mode"],
    )


def file_name(path: str) -> str:
    """Return what a file of an artifact is called here: its own name, made safe, and never a hidden one."""
    name = plain(path.rstrip("/").rpartition("/")[2]).strip()
    return f"treadle-{name}" if name.startswith(".") or not name else name


def _near(path: str, files: list[Told]) -> str:
    from difflib import get_close_matches

    below = [one["path"] for one in files if one["path"].startswith(f"{path.rstrip('/')}/")]
    if below:
        return f"That is a folder; {below[0]!r} is a file in it."
    near = get_close_matches(path, [one["path"] for one in files], n=1)
    return f"Did you mean {near[0]!r}?" if near else "Without a PATH all of it comes as a folder."


def fetch(wanted: Wanted, target: Path, say: Callable[[str], None]) -> None:
    """Write a stream into a file that is not there yet: it appears when all is here.

    Raises UnpackError when something is there, or what came is something else; what has come by then stays beside
    `target` for the next try.
    """
    if os.path.lexists(target):
        raise UnpackError(f"{target} is there already.", ELSEWHERE)
    partial = target.with_name(f".{target.name[:180]}.{wanted.key[:40]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        with os.fdopen(fd, "r+b") as file:
            _go_on(wanted, file, partial, say)
            os.fchmod(file.fileno(), wanted.mode & 0o777 | 0o600)
        os.link(partial, target)  # which replaces nothing, unlike a rename
        partial.unlink()
    except FileExistsError:
        raise UnpackError(f"{target} is there already.", ELSEWHERE) from None
    except OSError as error:
        raise UnpackError(f"{target} cannot be written: {error.strerror or error}.", ELSEWHERE) from error


def _go_on(wanted: Wanted, file: BinaryIO, partial: Path, say: Callable[[str], None]) -> None:
    """Add to a file what it lacks."""
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise UnpackError(f"{partial} is in the way.", ELSEWHERE)
    digest = hashlib.sha256()
    have = 0
    while have < wanted.size_bytes and (block := file.read(1 << 20)):
        digest.update(block)
        have += len(block)
    if have:
        say(f"Going on from {size(have)}.")
    try:
        for chunk in wanted.chunks(have) if have < wanted.size_bytes else ():
            file.write(chunk)
            digest.update(chunk)
            have += len(chunk)
    except EngineError:
        file.flush()
        if have:
            say(f"{size(have)} of {size(wanted.size_bytes)} are here; the same line goes on from there.")
        else:
            with suppress(OSError):
                partial.unlink()
        raise
    if have < wanted.size_bytes:
        raise EngineError(
            f"The line dropped after {size(have)} of {size(wanted.size_bytes)}.", "The same line goes on."
        )
    if have > wanted.size_bytes or (wanted.digest and digest.hexdigest() != wanted.digest):
        partial.unlink()
        raise UnpackError("What came is not what the artifact holds.", "Try again.")
