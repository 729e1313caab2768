"""Finished artifacts: one manifest each, over contents in the blob store; nothing ever half-written.

`runs/RUN/NAME.json` is the manifest that makes an artifact exist. It appears by rename only, after all of its contents
are on disk, so a kill or a power cut at any moment leaves whole ones. A content without a manifest is garbage for a
sweep, never the other way round. What comes in is a tar that a job wrote: it is believed in nothing.
"""

import contextlib
import hashlib
import json
import os
import secrets
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO
from urllib.parse import quote

from engine import made_again
from engine.core.clock import Clock, SystemClock
from engine.store.ahead import ahead
from engine.store.contents import archives
from engine.store.contents.archives import Form
from engine.store.contents.batch import CUT_ABOVE_BYTES, BlobBatch
from engine.store.contents.blobs import BlobError, Blobs
from engine.store.contents.manifest import (
    Artifact,
    ArtifactError,
    ArtifactExists,
    ArtifactFile,
    id_in,
    manifest_text,
    read_head,
    read_manifest,
    refuse_damaged,
)
from engine.store.contents.piece_list import Piece
from engine.store.contents.tars import Member
from engine.store.flush import flush, write_all, write_new
from pipelines.artifact_names import artifact_name_error, artifact_path_error


class Artifacts:
    """The artifacts of one home, under `folder`, with its `blobs`. Safe from any thread."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self.blobs = Blobs(folder)
        self._clock = clock or SystemClock()
        self._publishing = threading.Lock()
        self._runs = folder / "runs"
        made_again.folder(self._runs)

    def recover(self) -> None:
        """Take away what a killed engine was writing."""
        self.blobs.recover()

    def save_tar(
        self,
        run_id: int,
        job_id: int,
        attempt: int,
        name: str,
        tar: BinaryIO,
        limit_bytes: int,
        *,
        overwrite: bool = False,
        level: int = 6,
        retention_days: int | None = None,
    ) -> Artifact:
        """Keep the files of a seekable, uncompressed `tar` as artifact `name`; once this returns they survive a kill.

        Several archives in a row count as one.
        `limit_bytes` holds for the unpacked content. An artifact that an earlier attempt of the same job left is
        replaced; any other of the same name needs `overwrite`. Raises ArtifactExists, or ArtifactError for a name or
        an archive that is refused: absolute paths, `..`, devices, links that lead outside, the same name twice.
        """
        if error := artifact_name_error(name):
            raise ArtifactError(error)
        self._refuse_taken(run_id, job_id, attempt, name, overwrite)
        with self.blobs.batch(max(1, min(level, 9) // 2)) as batch:  # zstandard's 3 packs better than zip's 6
            try:
                files = tuple(_ingest(batch, tar, limit_bytes))
            except (tarfile.TarError, EOFError, OverflowError) as error:
                raise ArtifactError(f"The archive of artifact {name!r} cannot be read: {error}.") from None
            batch.commit()
            artifact = self._made(run_id, job_id, attempt, name, files, retention_days)
            with self._publishing:
                self._refuse_taken(run_id, job_id, attempt, name, overwrite)
                self._publish(artifact, batch.draft())
        return artifact

    def _made(
        self, run_id: int, job_id: int, attempt: int, name: str, files: tuple[ArtifactFile, ...], days: int | None
    ) -> Artifact:
        at = self._clock.now()
        listing = json.dumps([asdict(file) for file in files], sort_keys=True)
        digest = hashlib.sha256(listing.encode()).hexdigest()
        birth = hashlib.sha256(f"{run_id} {name} {job_id} {attempt} {at.timestamp()} {digest}".encode())
        return Artifact(
            id=int.from_bytes(birth.digest()[:6], "big"),
            run_id=run_id,
            job_id=job_id,
            attempt=attempt,
            name=name,
            size_bytes=sum(file.size_bytes for file in files),
            digest=digest,
            created_at=at,
            files=files,
            retention_days=days,
        )

    def list(self, run_id: int) -> "list[Artifact]":
        """Return the artifacts of a run by name, damaged ones among them."""
        return sorted(self._each(run_id, read_manifest), key=lambda artifact: artifact.name)

    def heads(self, run_id: int) -> Sequence[Artifact]:
        """Return them without their files, which are not even read. One may be damaged all the same."""
        return sorted(self._each(run_id, read_head), key=lambda artifact: artifact.name)

    def _each(self, run_id: int, read: Callable[[Path], Artifact | None]) -> Iterator[Artifact]:
        found = (read(path) for path in (self._runs / str(run_id)).glob("*.json"))
        return (artifact for artifact in found if artifact)

    def get(self, run_id: int, name: str) -> Artifact | None:
        """Return a run's artifact by its name, or None."""
        return read_manifest(self._manifest(run_id, name))

    def find(self, artifact_id: int) -> Artifact | None:
        """Return the artifact with this id, or None. Looks at the first bytes of manifests until it finds it."""
        found = (path for path in self._runs.glob("*/*.json") if id_in(path) == artifact_id)
        return next((artifact for artifact in map(read_manifest, found) if artifact), None)

    def delete(self, artifact: Artifact) -> None:
        """Forget an artifact; its blobs stay until a sweep, for others may share them. Safe to repeat."""
        manifest = self._manifest(artifact.run_id, artifact.name)
        if artifact.damage:  # its name may be the file's alone
            paths = (self._runs / str(artifact.run_id)).glob("*.json")
            manifest = next((path for path in paths if id_in(path) == artifact.id), manifest)
        manifest.unlink(missing_ok=True)

    def read(self, file: ArtifactFile, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield a file's content, or its bytes from `start` up to `end`. Raises ArtifactError when it is not what was
        kept, maybe at the end: a reader that stops early has not had it checked."""
        with _told_of(file):
            yield from self.blobs.read(file.digest, start, end)

    def write_tar(self, artifact: Artifact, out: IO[bytes]) -> None:
        """Write the artifact as `tar` makes it."""
        for chunk in self.archive(artifact):
            out.write(chunk)

    def archive(self, artifact: Artifact, form: Form = Form.TAR, start: int = 0) -> Iterator[bytes]:
        """Yield the artifact as one archive from byte `start`; `archive_bytes` tells how long all of it is.

        Raises ArtifactError for one that is damaged.
        """
        refuse_damaged(artifact)
        return archives.archive(artifact, form, self._pieces, self._read_piece, start)

    def extract(self, artifact: Artifact, dest: Path) -> None:
        """Unpack under `dest`, replacing files of the same name. Never writes through a symbolic link lying there."""
        refuse_damaged(artifact)
        dest.mkdir(parents=True, exist_ok=True)
        folders: set[Path] = set()
        for file in artifact.files:
            _make_room(dest, file.path, folders)
        files = (file for file in artifact.files if file.link is None)
        for _ in ahead(lambda file: self._extract(file, dest), files):
            pass
        for file in artifact.files:
            if file.link is not None:
                self._extract(file, dest)

    def _pieces(self, file: ArtifactFile) -> tuple[Piece, ...]:
        if file.size_bytes <= CUT_ABOVE_BYTES:
            return (Piece(file.digest, file.size_bytes),)  # which spares a look at the disk
        with _told_of(file):
            return self.blobs.pieces(file.digest)

    def _read_piece(self, file: ArtifactFile, digest: str) -> bytes:
        with _told_of(file):
            return self.blobs.read_piece(digest)

    def _extract(self, file: ArtifactFile, dest: Path) -> None:
        target = dest / file.path
        partial = target.parent / f".partial-{secrets.token_hex(8)}"
        try:
            if file.link is not None:
                partial.symlink_to(file.link)
            else:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                with os.fdopen(os.open(partial, flags, 0o600), "wb", buffering=0) as written:
                    for piece in self._pieces(file):
                        write_all(written, self._read_piece(file, piece.digest))
                    os.fchmod(written.fileno(), file.mode | 0o600)
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def _publish(self, artifact: Artifact, partial: Path) -> None:
        manifest = self._manifest(artifact.run_id, artifact.name)
        if not manifest.parent.is_dir():
            made_again.folder(manifest.parent)
            flush(self._runs)
        write_new(partial, manifest_text(artifact).encode())
        partial.replace(manifest)
        flush(manifest.parent)

    def _refuse_taken(self, run_id: int, job_id: int, attempt: int, name: str, overwrite: bool) -> None:
        old = self.get(run_id, name)
        if old and not old.damage and not overwrite and (old.job_id != job_id or old.attempt >= attempt):
            raise ArtifactExists(
                f"This run has an artifact named {name!r} already.",
                "Give it another name, or set `overwrite: true`.",
            )

    def _manifest(self, run_id: int, name: str) -> Path:
        quoted = quote(name, safe=" ()+,=@")
        if quoted.startswith(".") or len(quoted) > 200:
            quoted = (
                f"%{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"  # no quoted name is %-64 hex
            )
        return self._runs / str(run_id) / f"{quoted}.json"


FIX_LIMIT = "Raise `limits: {artifact: …}` in treadle.yml, or upload less."


def _ingest(batch: BlobBatch, tar: BinaryIO, limit_bytes: int) -> Iterator[ArtifactFile]:
    files: dict[str, ArtifactFile] = {}
    folders: set[str] = set()
    left = limit_bytes
    for archive, member in _members(tar):
        path = str(PurePosixPath(member.name)) if not member.name.startswith("/") else member.name
        if member.isdir():
            continue  # an artifact has files; folders follow from their names
        if error := artifact_path_error(path):
            raise ArtifactError(error)
        parents = [str(parent) for parent in PurePosixPath(path).parents][:-1]
        if path in files or path in folders or any(parent in files for parent in parents):
            raise ArtifactError(f"The archive has {path!r} twice, or something below it.")
        folders.update(parents)
        if member.isreg():
            left -= member.size
            if left < 0:
                raise ArtifactError(f"The artifact is larger than the limit of {limit_bytes} bytes.", FIX_LIMIT)
            content = archive.extractfile(member)
            assert content is not None
            file = ArtifactFile(path, member.mode & 0o777, member.size, batch.put(content, member.size))
        elif member.islnk() and (same := files.get(str(PurePosixPath(member.linkname)))):
            left -= same.size_bytes
            file = ArtifactFile(path, same.mode, same.size_bytes, same.digest, same.link)
        elif member.issym() and stays_inside(path, member.linkname):
            file = ArtifactFile(path, 0o777, 0, "", member.linkname)
        else:
            raise ArtifactError(f"{path!r} is {_kind(member)}, which an artifact cannot hold.")
        files[path] = file
    yield from (files[path] for path in sorted(files))


def _members(tar: BinaryIO) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield the members of one archive, or of several one after another (what `xargs tar` makes of many files)."""
    while True:
        start = tar.tell()
        with tarfile.open(fileobj=tar, mode="r:", tarinfo=Member) as archive:
            for member in archive:
                yield archive, member
            end = archive.offset
        tar.seek(end)
        while block := tar.read(tarfile.BLOCKSIZE):
            if block.strip(b"\0"):
                if end == start:
                    raise tarfile.ReadError("it holds something else than files")
                tar.seek(-len(block), os.SEEK_CUR)
                break
        else:
            return


@contextlib.contextmanager
def _told_of(file: ArtifactFile) -> Iterator[None]:
    try:
        yield
    except BlobError as error:
        raise ArtifactError(f"The file {file.path!r} cannot be given. {error}") from None


def _make_room(dest: Path, path: str, known: set[Path]) -> None:
    """Make the folders that a file needs. `known` are those that were found to be ones."""
    target = dest
    for part in PurePosixPath(path).parts[:-1]:
        target /= part
        if target in known:
            continue
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            raise ArtifactError(f"{target} is in the way: {path!r} needs a folder there.")
        target.mkdir(exist_ok=True)
        known.add(target)
    target = dest / path
    if target.is_dir() and not target.is_symlink():
        raise ArtifactError(f"{target} is in the way: a folder, where the artifact has a file.")


def stays_inside(path: str, link: str) -> bool:
    """Whether a link is relative and cannot leave: it may climb at its beginning only, where no other link hides."""
    parts = [part for part in link.split("/") if part not in ("", ".")]
    climbs = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return bool(link) and not link.startswith("/") and climbs <= path.count("/") and ".." not in parts[climbs:]


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym():
        return "a symbolic link that leads outside"
    if member.islnk():
        return "a hard link to something that is not in the archive"
    return "a device, a pipe or something unknown"
