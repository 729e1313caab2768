"""An artifact, which comes as a tar, laid down as files: never outside of a folder, never over what is there.

The archive is believed in nothing, wherever it comes from.
"""

import os
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from engine.core.errors import EngineError
from engine.store.contents.tars import Member
from pipelines.artifact_names import artifact_path_error
from widgets.safe_text import plain

BLOCK_BYTES = 1 << 20
NAME_BYTES = 200


class UnpackError(EngineError):
    """An archive that is refused, or a folder that has no room for it."""


def folder_name(run_id: int, artifact: str) -> str:
    """Return what the folder of an artifact is called where nobody says it: no name of its own can hide or mean more.

    An artifact may be called `.git`, and what a program finds there it may carry out.
    """
    stem = plain(artifact).replace("/", "_").encode()[:NAME_BYTES].decode("utf-8", "ignore")
    return f"treadle-r{run_id}-{stem}"


def unpack(chunks: Iterator[bytes], into: Path, files: int, size_bytes: int) -> None:
    """Lay down an archive of so many files and bytes in the folder `into`, which is made if it is not there.

    All of it or nothing: the files come into place once the whole archive is here and sound. Raises UnpackError for
    one that leads outside or lacks something, or when anything of it is there already; and what `chunks` raises.
    """
    made = not os.path.lexists(into)
    drafts = into / f".treadle-{secrets.token_hex(8)}"
    try:
        drafts.mkdir(parents=True)
        paths, got_bytes = _lay_down(chunks, drafts)
        if (len(paths), got_bytes) != (files, size_bytes):
            raise UnpackError(
                f"What came is not the whole artifact: {len(paths)} files, {got_bytes} bytes, "
                f"of {files} files, {size_bytes} bytes."
            )
        _refuse_taken(paths, into)
        for path in paths:
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            (drafts / path).rename(target)
    except OSError as error:
        raise UnpackError(f"Nothing can be laid down in {into}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(drafts, ignore_errors=True)
        if made:
            with suppress(OSError):
                into.rmdir()  # which a folder with files in it outlasts


def _lay_down(chunks: Iterator[bytes], folder: Path) -> tuple[list[str], int]:
    """Write the archive's files into an empty folder, links last; return their paths and the bytes of all."""
    paths: list[str] = []
    links: list[tuple[str, str]] = []
    got_bytes = 0
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", _Reader(chunks)), mode="r|", tarinfo=Member) as archive:
            for member in archive:
                if member.isdir():
                    continue  # folders follow from the files in them
                if error := artifact_path_error(member.name):
                    raise UnpackError(error)
                if member.issym():
                    links.append((member.name, member.linkname))
                elif member.isreg():
                    got_bytes += _write(archive, member, folder / member.name)
                else:
                    raise UnpackError(f"{member.name!r} is neither a file nor a symbolic link.")
                paths.append(member.name)
    except tarfile.TarError as error:
        raise UnpackError(f"What came is no archive: {error}.") from None
    _link(links, folder)
    return paths, got_bytes


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> int:
    content = archive.extractfile(member)
    assert content is not None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with _placed(member.name, target), os.fdopen(os.open(target, flags, 0o600), "wb") as file:
        shutil.copyfileobj(content, file, BLOCK_BYTES)
        os.fchmod(file.fileno(), member.mode & 0o777 | 0o600)
        return file.tell()


def _link(links: list[tuple[str, str]], folder: Path) -> None:
    """Make the links, after all files: nothing is ever written through one. Then see where each really leads."""
    for path, link in links:
        with _placed(path, folder / path):
            (folder / path).symlink_to(link)
    root = folder.resolve()
    for path, link in links:
        try:
            inside = not link.startswith("/") and (folder / path).resolve().is_relative_to(root)
        except (RuntimeError, OSError):  # it leads back to itself
            inside = False
        if not inside:
            raise UnpackError(f"The link {path!r} leads out of the artifact, to {link!r}.")


@contextmanager
def _placed(path: str, target: Path) -> Iterator[None]:
    """Make the folders that a file needs; say whose fault it is when there cannot be one."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise UnpackError(f"The archive has {path!r} twice, or something below it.") from None


def _refuse_taken(paths: list[str], into: Path) -> None:
    """Raise UnpackError when something is where a file belongs, or something else than a folder is above it."""
    for path in paths:
        target = into / path
        above = [into / parent for parent in Path(path).parents if str(parent) != "."]
        taken = [folder for folder in above if folder.is_symlink() or (folder.exists() and not folder.is_dir())]
        if taken or os.path.lexists(target):
            raise UnpackError(f"{(taken or [target])[0]} is there already.", "Choose another folder with --output.")


class _Reader:
    """What `tarfile` reads of a stream. More than it asks for does no harm."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, size: int) -> bytes:
        return next((chunk for chunk in self._chunks if chunk), b"")
