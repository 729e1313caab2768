"""Backups: all that a restored home needs in one stream; a tar that somebody else wrote is believed in nothing."""

import hashlib
import io
import json
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.core.errors import EngineError
from engine.store.contents.artifacts import Artifacts
from engine.store.copies.backup import restore_backup, write_backup
from engine.store.copies.files import found_files
from engine.store.copies.restore import RestoreError
from engine.store.store import open_store
from tests.engine.fakes import START, Lab

JOB = "jobs:\n  a:\n    runs-on: x\n    steps: [{run: 'true'}]\n"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


class Pipe(io.BytesIO):
    """What cannot be sought."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError("a pipe")

    tell = seek  # type: ignore[assignment]


def filled(lab: Lab) -> int:
    run_id = lab.run(JOB)
    lab.work()
    Artifacts(lab.store.home / "artifacts").save_tar(
        run_id, 1, 1, "site", tar_of(("a", b"1"), ("big", bytes(range(256)) * 30_000)), 1 << 30
    )
    lab.store.vault.set(0, "KEY", "hush", lab.clock.now())
    (lab.store.home / "treadle.yml").write_text("workers: 3\n")
    mirror = lab.store.home / "repos" / "x.git"
    (mirror / "refs/heads").mkdir(parents=True)
    (mirror / "objects/ab").mkdir(parents=True)
    (mirror / "refs/heads/main").write_text("1" * 40)
    (mirror / "objects/ab/cd").write_text("object")
    (mirror / "objects/tmp_obj_1").write_text("half")
    return run_id


def tar_of(*members: tuple[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def backup(lab: Lab, to: Path) -> Path:
    out = Pipe()
    write_backup(lab.store.home, out, lab.clock.now())
    to.write_bytes(out.getvalue())
    return to


def test_a_backup_comes_back_as_a_home(lab: Lab, tmp_path: Path) -> None:
    run_id = filled(lab)
    restored = restore_backup(backup(lab, tmp_path / "b.tar"), tmp_path / "new", lab.clock.now())
    assert (restored.runs, restored.with_key) == (1, True)
    new = tmp_path / "new"
    assert (new / "treadle.yml").read_text() == "workers: 3\n"
    assert (new / "repos/x.git/objects/ab/cd").read_text() == "object"
    assert not (new / "repos/x.git/objects/tmp_obj_1").exists()
    there = Artifacts(new / "artifacts")
    [artifact] = there.list(run_id)
    assert sum(map(len, there.archive(artifact))) > 7_000_000
    store = open_store(new)
    assert [run.id for run in store.queries.runs()] == [run_id]
    assert store.vault.values(0)["KEY"] == "hush"
    assert store.queue.pause.get() is not None
    store.close()


def test_what_is_not_whole_here_is_told_and_left_out_and_the_rest_comes_back(lab: Lab, tmp_path: Path) -> None:
    run_id = filled(lab)
    artifacts = Artifacts(lab.store.home / "artifacts")
    lost = artifacts.save_tar(run_id, 1, 1, "lost", tar_of(("c", b"3")), 1 << 30)
    artifacts.blobs.path(lost.files[0].digest).unlink()
    out = Pipe()
    told = write_backup(lab.store.home, out, lab.clock.now())
    assert told["incomplete"] == [f"artifacts/runs/{run_id}/lost.json"]
    (tmp_path / "b.tar").write_bytes(out.getvalue())
    restore_backup(tmp_path / "b.tar", tmp_path / "new", lab.clock.now())
    assert [artifact.name for artifact in Artifacts(tmp_path / "new/artifacts").list(run_id)] == ["site"]


def test_a_run_that_is_removed_while_its_files_are_looked_for_is_left_out(tmp_path: Path) -> None:
    for run in ("1", "2"):
        (tmp_path / "logs" / run).mkdir(parents=True)
        (tmp_path / "logs" / run / f"{run}-1.log").touch()
    found = found_files(tmp_path, {(1, 1, 1), (2, 2, 1)}, None)
    assert next(found).name == "logs/1/1-1.log"
    shutil.rmtree(tmp_path / "logs" / "2")
    assert list(found) == []


def test_plain_tar_can_read_a_backup(lab: Lab, tmp_path: Path) -> None:
    filled(lab)
    with tarfile.open(backup(lab, tmp_path / "b.tar")) as tar:
        names = tar.getnames()
    assert names[0] == "backup.json" and names[1] == "treadle.db" and names[-1] == "digests.json"
    assert names.index("repos/x.git/refs/heads/main") < names.index("repos/x.git/objects/ab/cd")


def test_a_backup_beside_a_writer_is_consistent(lab: Lab, tmp_path: Path) -> None:
    stop = threading.Event()
    recorded = []

    def write() -> None:
        while not stop.is_set():
            recorded.append(lab.run(JOB))
            lab.work()
        lab.store.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        paths = [backup(lab, tmp_path / f"{number}.tar") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    for number, path in enumerate(paths):
        assert restore_backup(path, tmp_path / f"new{number}", lab.clock.now()).runs <= len(recorded)


Spoil = Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]


def entry(
    name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content) if kind == tarfile.REGTYPE else 0
    return info, content


def manifest(digest: str, size: int, path: str) -> tuple[tarfile.TarInfo, bytes]:
    told = {"files": [{"digest": digest, "size_bytes": size, "path": path}]}
    return entry("artifacts/runs/9/x.json", json.dumps(told).encode())


def adding(one: tuple[tarfile.TarInfo, bytes]) -> Spoil:
    """Add a member, and have it promised, too: a liar is consistent."""

    def spoil(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        promised = json.loads(members[-1][1])
        promised[one[0].name] = hashlib.sha256(one[1]).hexdigest()
        members[-1] = entry("digests.json", json.dumps(promised).encode())
        members.insert(2, one)

    return spoil


def altered(name: str, content: bytes) -> Spoil:
    def spoil(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        at = next(at for at, (info, _) in enumerate(members) if info.name == name)
        members[at] = entry(name, content)

    return spoil


SPOILED: dict[str, Spoil] = {
    "an absolute path": adding(entry("/etc/passwd")),
    "a climb": adding(entry("logs/../../x")),
    "a climb in a mirror": adding(entry("repos/a/../../../x")),
    "a name of no backup": adding(entry("treadle.sock")),
    "a file beside the blobs": adding(entry("artifacts/blobs/ab/x")),
    "a symbolic link": adding(entry("repos/x.git/link", kind=tarfile.SYMTYPE, link="/etc")),
    "a hard link": adding(entry("repos/x.git/hard", kind=tarfile.LNKTYPE, link="secret.key")),
    "a device": adding(entry("repos/x.git/dev", kind=tarfile.CHRTYPE)),
    "a pipe": adding(entry("repos/x.git/pipe", kind=tarfile.FIFOTYPE)),
    "a folder": adding(entry("repos/x.git/dir", kind=tarfile.DIRTYPE)),
    "a sparse file": adding(entry("repos/x.git/sparse", kind=tarfile.GNUTYPE_SPARSE)),
    "a name twice": adding(entry("treadle.db")),
    "a content under another's name": adding(entry(f"artifacts/blobs/ab/{'ab' * 32}.zst", b"junk")),
    "a list of nothing": adding(entry(f"artifacts/blobs/ab/{'ab' * 32}.list", b"junk")),
    "a manifest of what is not there": adding(manifest("ab" * 32, 1, "a")),
    "a manifest that climbs": adding(manifest("", 0, "../a")),
    "a manifest that is none": adding(entry("artifacts/runs/9/x.json", b"[1]")),
    "another file's bytes": altered("treadle.yml", b"workers: 9\n"),
    "another form": altered("backup.json", b'{"form": 99}'),
    "no database": altered("treadle.db", b"junk"),
    "no list": altered("digests.json", b"[]"),
    "a missing file": lambda members: members.pop(2) and None,  # type: ignore[func-returns-value]
    "a missing end": lambda members: members.pop() and None,  # type: ignore[func-returns-value]
    "more after the end": lambda members: members.append(entry("repos/x.git/late")),
    "another beginning": lambda members: members.insert(0, entry("treadle.yml")),
}  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("good")
    lab = Lab(place / "home")
    filled(lab)
    data = backup(lab, place / "b.tar").read_bytes()
    lab.close()
    return data


@pytest.mark.parametrize("what", SPOILED)
def test_a_hostile_backup_is_refused_and_leaves_nothing(good: bytes, tmp_path: Path, what: str) -> None:
    with tarfile.open(fileobj=io.BytesIO(good)) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
    SPOILED[what](members)
    path = tmp_path / "b.tar"
    with tarfile.open(path, "w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content) if info.size else None)
    with pytest.raises(EngineError):
        restore_backup(path, tmp_path / "new", START)
    assert [one.name for one in tmp_path.iterdir()] == ["b.tar"]


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_backup_that_was_cut_short_is_refused(good: bytes, tmp_path: Path, part: float) -> None:
    path = tmp_path / "b.tar"
    with tarfile.open(fileobj=io.BytesIO(good)) as tar:
        end = tar.getmembers()[-1]
    path.write_bytes(good[: int((end.offset_data + end.size) * part)])
    with pytest.raises(RestoreError):
        restore_backup(path, tmp_path / "new", START)
    assert [one.name for one in tmp_path.iterdir()] == ["b.tar"]


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no tar at all" * 100)
    for name in ("x", "missing"):
        with pytest.raises(RestoreError):
            restore_backup(tmp_path / name, tmp_path / "new", START)
