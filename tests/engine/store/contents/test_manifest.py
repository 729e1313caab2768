"""A manifest that is damaged spoils no other artifact; whoever looks for one does not read all."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.store.contents import manifest
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.manifest import Artifact, ArtifactError
from tests.engine.fakes import FakeClock
from tests.engine.store.tars import tar_of

LIMIT = 1 << 20
ODD = 'say ", "files": [", \'%\' and ü'


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts", FakeClock())


def save(artifacts: Artifacts, name: str, run_id: int = 1, days: int | None = None) -> Artifact:
    files = {f"{number}.txt": f"{name} {number}".encode() for number in range(100)}
    return artifacts.save_tar(run_id, 7, 1, name, tar_of(files), LIMIT, retention_days=days)


def path_of(artifacts: Artifacts, artifact: Artifact) -> Path:
    return artifacts._manifest(artifact.run_id, artifact.name)


DAMAGE = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:300]),
    "empty": lambda path: path.write_bytes(b""),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00" * 99),
    "another form": lambda path: path.write_text("[1]"),
    "a key too few": lambda path: path.write_text(json.dumps({"id": 1, "files": []})),
    "a name of another kind": lambda path: path.write_text(json.dumps(json.loads(path.read_bytes()) | {"name": 5})),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_one_that_is_damaged_says_so_and_the_rest_is_there(artifacts: Artifacts, damage: str, tmp_path: Path) -> None:
    good, bad = save(artifacts, "good"), save(artifacts, "bad")
    path = path_of(artifacts, bad)
    DAMAGE[damage](path)
    listed = {one.name: one for one in artifacts.list(1)}
    assert list(listed) == ["bad", "good"] == [one.name for one in artifacts.heads(1)]
    assert listed["good"] == good and artifacts.find(good.id) == good
    found = listed["bad"]
    assert f"The artifact 'bad' of run r1 is damaged: {path} cannot be read" in found.damage
    assert "Put that file back" in found.damage and artifacts.find(found.id) == found == artifacts.get(1, "bad")
    for give in (lambda: artifacts.archive(found), lambda: artifacts.extract(found, tmp_path / "out")):
        with pytest.raises(ArtifactError, match="is damaged"):
            give()


def test_one_that_is_damaged_can_be_replaced_and_removed(artifacts: Artifacts) -> None:
    path = path_of(artifacts, save(artifacts, "bad"))
    path.write_bytes(b"{")
    assert artifacts.get(1, "bad").damage
    assert not save(artifacts, "bad").damage
    path.write_bytes(b"{")
    for one in artifacts.list(1):
        artifacts.delete(one)
    assert list(path.parent.iterdir()) == []


def test_one_whose_file_does_not_tell_its_name_can_be_removed(artifacts: Artifacts) -> None:
    path = path_of(artifacts, save(artifacts, "ü" * 100))
    path.write_bytes(b"{")
    [found] = artifacts.heads(1)
    artifacts.delete(found)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("days", [None, 7])
@pytest.mark.parametrize("name", ["plain", ODD, "x" * 5000])
def test_a_head_is_the_artifact_without_its_files(tmp_path: Path, name: str, days: int | None) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    files = tuple(manifest.ArtifactFile(f"{n}/{ODD}", 0o644, n, "0" * 64) for n in range(100))
    whole = Artifact(2**47, 1, 2, 3, name, 4950, "f" * 64, at, files, days)
    path = tmp_path / "a.json"
    path.write_text(manifest.manifest_text(whole))
    assert manifest.read_manifest(path) == whole
    head = manifest.read_head(path)
    assert head is not None and head.files == () and head.size_bytes == 4950
    assert (head.id, head.name, head.created_at, head.retention_days) == (2**47, name, at, days)


def test_looking_for_one_parses_no_other(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = [save(artifacts, f"a{n}", run_id) for n in range(3) for run_id in range(1, 4)]
    read, parsed = manifest.read_manifest, []
    for module in ("engine.store.contents.artifacts", "engine.store.contents.manifest"):
        monkeypatch.setattr(f"{module}.read_manifest", lambda path: parsed.append(path) or read(path))
    assert artifacts.find(saved[4].id) == saved[4] and artifacts.get(2, "a0") is not None
    assert len(artifacts.heads(1)) == 3
    assert artifacts.find(1) is None
    assert len(parsed) == 2
