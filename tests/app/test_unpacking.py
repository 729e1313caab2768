"""Whatever an archive holds, files come into one folder or nowhere, whole or not at all, and over nothing."""

import io
import os
import tarfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.unpacking import UnpackError, folder_name, unpack
from engine.core.errors import EngineError

FILES = {"a.txt": b"alpha\n", "deep/er/b": bytes(range(256)) * 9000, "empty": b""}
SIZE = sum(map(len, FILES.values()))


def file(name: str, content: bytes = b"", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    return member, content


def other(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, b""


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return other(name, tarfile.SYMTYPE, target)


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def chunks(data: bytes, size: int = 10_000) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put(into: Path, *members: tuple[tarfile.TarInfo, bytes], size: int = 10_000) -> None:
    unpack(chunks(archive(*members), size), into, len(members), sum(len(content) for _, content in members))


@pytest.mark.parametrize("size", [1, 511, 4096, 10**7])
def test_files_come_as_they_were_however_they_are_cut(tmp_path, size):
    put(tmp_path / "new" / "one", *(file(name, content) for name, content in FILES.items()), size=size)
    assert tree(tmp_path / "new" / "one") == FILES


def test_permissions_are_kept_but_for_those_that_give_power(tmp_path):
    put(tmp_path / "x", file("run", b"#!", 0o6755), file("mine", b"", 0o400))
    assert (tmp_path / "x" / "run").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "x" / "mine").stat().st_mode & 0o7777 == 0o600


def test_links_within_the_artifact_are_kept(tmp_path):
    put(tmp_path / "x", file("d/one", b"1"), link("d/two", "one"), link("e/up", "../d"), link("dangling", "d/none"))
    assert (tmp_path / "x/d/two").readlink() == Path("one")
    assert (tmp_path / "x/e/up/one").read_bytes() == b"1"
    assert (tmp_path / "x/dangling").is_symlink()


@pytest.mark.parametrize(
    "members",
    [
        [file("../out", b"x")],
        [file("a/../../out", b"x")],
        [file("/tmp/out", b"x")],
        [link("out", "../..")],
        [link("out", "/etc/passwd")],
        [link("a", "."), link("b", "a/../..")],
        [link("d/a", "../e"), link("e", "../x")],
        [link("loop", "loop")],
        [link("d", ".."), file("d/out", b"x")],
        [file("d", b"x"), file("d/out", b"x")],
        [file("d/out", b"x"), link("d", "..")],
        [file("twice", b"x"), file("twice", b"y")],
        [file("twice", b"x"), link("twice", "else")],
        [other("device", tarfile.CHRTYPE)],
        [other("pipe", tarfile.FIFOTYPE)],
        [file("one", b"x"), other("hard", tarfile.LNKTYPE, "/etc/passwd")],
    ],
    ids=lambda members: " ".join(member.name for member, _ in members),
)
def test_an_archive_that_leads_outside_is_refused_and_leaves_nothing(tmp_path, members):
    before = set(tmp_path.parent.iterdir())
    with pytest.raises(UnpackError):
        put(tmp_path / "x" / "y", *members)
    assert not (tmp_path / "x" / "y").exists()
    assert tree(tmp_path) == {} and set(tmp_path.parent.iterdir()) == before


def test_nothing_goes_over_a_file_that_is_there(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b").write_bytes(b"mine")
    with pytest.raises(UnpackError, match="deep/er/b is there already"):
        put(tmp_path, *(file(name, content) for name, content in FILES.items()))
    assert tree(tmp_path) == {"deep/er/b": b"mine"}


def test_nothing_goes_through_a_link_that_lies_there(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "deep").symlink_to(tmp_path / "outside")
    with pytest.raises(UnpackError, match="deep is there already"):
        put(tmp_path / "x", file("deep/b", b"x"))
    assert tree(tmp_path / "outside") == {}


def test_it_may_come_beside_what_is_there(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "mine").write_bytes(b"mine")
    put(tmp_path, file("deep/b", b"x"))
    assert tree(tmp_path) == {"deep/mine": b"mine", "deep/b": b"x"}


@pytest.mark.parametrize("part", [0, 0.2, 0.5, 0.9])
def test_an_archive_that_is_cut_leaves_nothing(tmp_path, part):
    data = archive(*(file(name, content) for name, content in FILES.items()))
    with pytest.raises(UnpackError):
        unpack(chunks(data[: int(len(data) * part)]), tmp_path / "x", len(FILES), SIZE)
    assert not (tmp_path / "x").exists()


def test_a_line_that_drops_leaves_nothing_and_is_told(tmp_path):
    def dropping() -> Iterator[bytes]:
        yield archive(*(file(name, content) for name, content in FILES.items()))[:5000]
        raise EngineError("gone")

    with pytest.raises(EngineError, match="gone"):
        unpack(dropping(), tmp_path / "x", len(FILES), SIZE)
    assert not (tmp_path / "x").exists()


def test_where_no_folder_can_be_is_told_in_a_sentence(tmp_path):
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(UnpackError, match="Nothing can be laid down"):
        put(tmp_path / "x", file("a"))
    assert (tmp_path / "x").read_bytes() == b"mine"


def test_what_is_no_archive_is_told_in_a_sentence(tmp_path):
    with pytest.raises(UnpackError):
        unpack(iter([b"<html>" * 1000]), tmp_path / "x", 1, 1)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), min_size=1, max_size=300))
def test_a_folder_for_an_artifact_is_one_plain_name_that_shows(name):
    folder = folder_name(12, name)
    assert folder.startswith("treadle-r12-")
    assert not {unicodedata.category(char) for char in folder} & {"Cc", "Cs", "Zl", "Zp"}
    assert os.sep not in folder and len(folder.encode()) <= 255
