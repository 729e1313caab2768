"""The laws of archives: what comes out is what was kept, as long as was said, the same from any byte on."""

import io
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.store.contents import archives
from engine.store.contents.archives import Form, archive, archive_bytes
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.manifest import Artifact, led_to
from engine.store.contents.piece_list import Piece
from tests.engine.fakes import START
from tests.engine.store.tars import tar_of

FILES = {"a.txt": b"alpha\n", "deep/ü.bin": bytes(range(256)) * 30_000, "empty": b"", f"{'long/' * 30}x": b"l"}


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


@pytest.fixture
def artifact(artifacts: Artifacts) -> Artifact:
    tar = tar_of({**FILES, "link": "deep"})
    return artifacts.save_tar(1, 2, 1, "tree", tar, 1 << 30)


@pytest.mark.parametrize("form", Form)
def test_any_part_of_an_archive_is_that_part_of_the_whole(artifacts: Artifacts, artifact: Artifact, form: Form) -> None:
    whole = b"".join(artifacts.archive(artifact, form))
    assert len(whole) == archive_bytes(artifact, form)
    for start in (0, 1, 511, 512, 513, 100_000, 4_194_304, len(whole) - 1, len(whole)):
        assert b"".join(artifacts.archive(artifact, form, start)) == whole[start:]


def test_a_zip_is_read_by_others(artifacts: Artifacts, artifact: Artifact, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"".join(artifacts.archive(artifact, Form.ZIP)))
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        assert {name: packed.read(name) for name in packed.namelist() if name != "link"} == FILES
        link = packed.getinfo("link")
        assert stat.S_ISLNK(link.external_attr >> 16) and packed.read(link) == b"deep"
        made_at = artifact.created_at
        assert packed.getinfo("a.txt").date_time == (*made_at.timetuple()[:5], made_at.second // 2 * 2)


def test_a_zip_of_much_and_of_many_is_a_wide_one(
    artifacts: Artifacts, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MANY", 3)
    told = b"".join(artifacts.archive(artifact, Form.ZIP))
    assert len(told) == archive_bytes(artifact, Form.ZIP)
    assert b"PK\6\6" in told and b"PK\6\7" in told


def test_a_tar_is_read_by_others(artifacts: Artifacts, artifact: Artifact, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"".join(artifacts.archive(artifact)))
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "x.tar", "-C", tmp_path / "out"], check=True)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(1, 260), st.integers(0, 2000), st.one_of(st.none(), st.integers(1, 220))), max_size=12
    )
)
def test_how_long_an_archive_is_is_known_before(shapes: list[tuple[int, int, int | None]]) -> None:
    files = tuple(
        archives_file(f"{number:03}{'ü' * (length // 2)}{'n' * (length % 2)}", size, link)
        for number, (length, size, link) in enumerate(shapes)
    )
    made = Artifact(1, 1, 1, 1, "x", 0, "", START, files)

    def pieces(file):
        return (Piece("", file.size_bytes),)

    def read(file, _):
        return bytes(file.size_bytes)

    for form in Form:
        whole = b"".join(archive(made, form, pieces, read))
        assert len(whole) == archive_bytes(made, form)
    with tarfile.open(fileobj=io.BytesIO(b"".join(archive(made, Form.TAR, pieces, read)))) as tar:
        assert [member.name for member in tar] == [file.path for file in files]


def archives_file(path: str, size: int, link: int | None):
    from engine.store.contents.manifest import ArtifactFile

    return ArtifactFile(path, 0o644, 0 if link else size, "", "l" * link if link else None)


@pytest.mark.parametrize(
    ("path", "leads"),
    [("a", "a"), ("./a", "a"), ("link", "d/e"), ("link/x", "d/e/x"), ("far/x", "d/e/x"), ("round", ""), ("up/b", "b")],
)
def test_links_lead_to_files(path: str, leads: str) -> None:
    links = {"link": "d/e", "far": "s/t", "s/t": "../link", "round": "about", "about": "round", "up": "."}
    assert led_to(path, links) == leads
