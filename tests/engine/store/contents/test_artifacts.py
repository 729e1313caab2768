"""Artifacts on disk: what is kept is whole, deduplicated, checked; what is hostile is refused."""

import io
import tarfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.store.contents.artifacts import Artifacts
from engine.store.contents.manifest import Artifact, ArtifactError, ArtifactExists

LIMIT = 1 << 20


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 0.0


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts", FixedClock())


def tar_of(*members: tuple[str, bytes | tarfile.TarInfo], mode: int = 0o644) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, what in members:
            info = what if isinstance(what, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.name = name
            info.mode = mode
            if isinstance(what, bytes):
                info.size = len(what)
                tar.addfile(info, io.BytesIO(what))
            else:
                tar.addfile(info)
    buffer.seek(0)
    return buffer


def special(kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, link
    return info


def save(artifacts: Artifacts, tar: io.BytesIO, name: str = "n", limit: int = LIMIT) -> Artifact:
    return artifacts.save_tar(1, 2, 1, name, tar, limit)


def test_what_was_saved_comes_back_with_modes_and_links(artifacts: Artifacts, tmp_path: Path) -> None:
    tar = tar_of(
        ("./bin/tool", b"#!/bin/sh\n"),
        ("./data", bytes(2_500_000)),
        ("l", special(tarfile.SYMTYPE, "bin/tool")),
        mode=0o4755,
    )
    artifact = save(artifacts, tar, limit=3_000_000)
    assert [file.path for file in artifact.files] == ["bin/tool", "data", "l"]
    assert artifacts.get(1, "n") == artifact == artifacts.find(artifact.id)
    artifacts.extract(artifact, tmp_path / "out")
    assert (tmp_path / "out/data").read_bytes() == bytes(2_500_000)
    assert (tmp_path / "out/bin/tool").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "out/l").readlink() == Path("bin/tool")
    copy = io.BytesIO()
    artifacts.write_tar(artifact, copy)
    copy.seek(0)
    assert save(artifacts, copy, "again", 3_000_000).digest == artifact.digest


def test_a_finished_artifact_is_there_for_the_next_engine(artifacts: Artifacts) -> None:
    artifact = save(artifacts, tar_of(("a", b"x")))
    (artifacts.folder / "partial" / "left-over").write_bytes(b"half")
    later = Artifacts(artifacts.folder)
    later.recover()
    assert later.list(1) == [artifact]
    assert not list((artifacts.folder / "partial").iterdir())


def test_the_same_content_is_stored_once(artifacts: Artifacts) -> None:
    save(artifacts, tar_of(("a", b"same"), ("b", b"same"), ("c", special(tarfile.LNKTYPE, "a"))), "one")
    save(artifacts, tar_of(("z", b"same")), "two")
    assert len(list((artifacts.folder / "blobs").rglob("*.zst"))) == 1


@pytest.mark.parametrize(
    "members",
    [
        [("/etc/passwd", b"x")],
        [("../x", b"x")],
        [("a/../../x", b"x")],
        [("l", special(tarfile.SYMTYPE, "/etc"))],
        [("d/l", special(tarfile.SYMTYPE, "../../x"))],
        [("d/l", special(tarfile.SYMTYPE, "x/../../.."))],
        [("l", special(tarfile.SYMTYPE, ""))],
        [("l", special(tarfile.SYMTYPE, "d")), ("l/x", b"x")],
        [("h", special(tarfile.LNKTYPE, "/etc/passwd"))],
        [("dev", special(tarfile.CHRTYPE))],
        [("pipe", special(tarfile.FIFOTYPE))],
        [("a", b"1"), ("a", b"2")],
        [("a/b", b"1"), ("a", b"2")],
        [("a\nb", b"x")],
    ],
)
def test_a_hostile_archive_is_refused_and_leaves_no_artifact(
    artifacts: Artifacts, members: list[tuple[str, bytes]]
) -> None:
    with pytest.raises(ArtifactError):
        save(artifacts, tar_of(*members))
    assert artifacts.list(1) == []


def test_a_truncated_archive_is_refused(artifacts: Artifacts) -> None:
    whole = tar_of(("a", bytes(5000))).getvalue()
    with pytest.raises(ArtifactError, match=r"cannot be read|middle"):
        save(artifacts, io.BytesIO(whole[:3000]))


def test_several_archives_in_a_row_count_as_one(artifacts: Artifacts) -> None:
    parts = [tar_of(("a", b"1")).getvalue(), tar_of(("b", b"2")).getvalue(), tar_of(("c", b"3")).getvalue()[:1024]]
    assert [file.path for file in save(artifacts, io.BytesIO(b"".join(parts))).files] == ["a", "b", "c"]


@pytest.mark.parametrize("junk", [b"junk" * 128, b"x"])
def test_an_archive_that_goes_on_with_something_else_is_refused(artifacts: Artifacts, junk: bytes) -> None:
    with pytest.raises(ArtifactError, match="cannot be read"):
        save(artifacts, io.BytesIO(tar_of(("a", b"1")).getvalue() + junk))
    with pytest.raises(ArtifactError, match="cannot be read"):
        save(artifacts, io.BytesIO(junk))


def test_a_header_that_would_fill_the_memory_is_refused(artifacts: Artifacts) -> None:
    info = special(tarfile.GNUTYPE_LONGNAME)
    info.name, info.size = "././@LongLink", 1 << 40
    with pytest.raises(ArtifactError, match="header"):
        save(artifacts, io.BytesIO(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))


def test_the_limit_holds_for_the_unpacked_content(artifacts: Artifacts) -> None:
    with pytest.raises(ArtifactError, match="limit of 1048576 bytes"):
        save(artifacts, tar_of(("zeros", bytes(LIMIT)), ("more", b"x")))


def test_a_taken_name_needs_overwrite_unless_it_is_the_jobs_own_earlier_attempt(artifacts: Artifacts) -> None:
    first = save(artifacts, tar_of(("a", b"1")))
    with pytest.raises(ArtifactExists, match="overwrite"):
        save(artifacts, tar_of(("a", b"2")))
    with pytest.raises(ArtifactExists):
        artifacts.save_tar(1, 3, 2, "n", tar_of(("a", b"2")), LIMIT)
    retried = artifacts.save_tar(1, 2, 2, "n", tar_of(("a", b"2")), LIMIT)
    forced = artifacts.save_tar(1, 3, 1, "n", tar_of(("a", b"3")), LIMIT, overwrite=True)
    assert artifacts.list(1) == [forced]
    assert len({first.id, retried.id, forced.id}) == 3
    artifacts.delete(forced)
    artifacts.delete(forced)
    assert artifacts.get(1, "n") is None


def test_of_two_that_save_one_name_at_once_one_wins(artifacts: Artifacts) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def one(job_id: int) -> None:
        start.wait()
        try:
            artifacts.save_tar(1, job_id, 1, "n", tar_of(("a", b"%d" % job_id)), LIMIT)
            outcomes.append("saved")
        except ArtifactExists:
            outcomes.append("taken")

    threads = [threading.Thread(target=one, args=(job_id,)) for job_id in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved", "taken", "taken", "taken"]


@pytest.mark.parametrize("name", ["../x", "a/b", ".", "", "a\0b"])
def test_a_bad_name_never_becomes_a_path(artifacts: Artifacts, name: str) -> None:
    with pytest.raises(ArtifactError):
        save(artifacts, tar_of(("a", b"x")), name)


@pytest.mark.parametrize("name", ["-rf", "a%2Fb", ".hidden", "é" * 120, "trail.", " lead", "$(touch x)"])
def test_every_good_name_has_a_manifest_of_its_own(artifacts: Artifacts, name: str) -> None:
    save(artifacts, tar_of(("a", b"x")), name)
    save(artifacts, tar_of(("a", b"y")), "other")
    assert {artifact.name for artifact in artifacts.list(1)} == {name, "other"}


def test_extracting_never_writes_through_a_link_that_lies_there(artifacts: Artifacts, tmp_path: Path) -> None:
    artifact = save(artifacts, tar_of(("d/f", b"new"), ("g", b"new")))
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    out.mkdir()
    (out / "g").symlink_to(outside / "g")
    (out / "d").symlink_to(outside)
    with pytest.raises(ArtifactError, match="in the way"):
        artifacts.extract(artifact, out)
    (out / "d").unlink()
    artifacts.extract(artifact, out)
    assert (out / "g").read_bytes() == b"new"
    assert not (out / "g").is_symlink()
    assert list(outside.iterdir()) == []


def test_damage_on_disk_is_noticed_not_handed_out(artifacts: Artifacts, tmp_path: Path) -> None:
    artifact = save(artifacts, tar_of(("a", b"1"), ("b", b"2")))
    blobs = sorted((artifacts.folder / "blobs").rglob("*.zst"))
    blobs[0].write_bytes(blobs[1].read_bytes())
    with pytest.raises(ArtifactError, match="damaged"):
        artifacts.extract(artifact, tmp_path / "out")
    blobs[0].write_bytes(b"rubbish")
    blobs[1].unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        artifacts.write_tar(artifact, io.BytesIO())
