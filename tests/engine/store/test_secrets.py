"""The laws of the key that secrets are sealed with."""

import os
from pathlib import Path

import pytest

from engine.store.secrets import KeyLost, SecretBox


def test_the_key_is_on_the_disk_before_it_bears_its_name(tmp_path, monkeypatch: pytest.MonkeyPatch):
    flushed: list[int] = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        flushed.append(os.fstat(fd).st_size)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    SecretBox(tmp_path).seal({"TOKEN": "s3cr3t"})
    assert flushed[0] == (tmp_path / "secret.key").stat().st_size > 0


def test_what_is_sealed_is_opened_by_whoever_has_the_key(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path).seal({"A": "value"})
    assert sealed is not None and b"value" not in sealed
    assert SecretBox(tmp_path).open(sealed) == {"A": "value"}


def test_a_key_that_is_lost_or_damaged_is_named_with_the_way_out(tmp_path: Path) -> None:
    box, key = SecretBox(tmp_path), tmp_path / "secret.key"
    sealed = box.seal({"A": "value"})
    whole = key.read_bytes()
    for damaged in (b"", whole[:20], b"\xff" * 44):
        key.write_bytes(damaged)
        with pytest.raises(KeyLost, match=r"secret\.key cannot be used: it is damaged.*treadle secret set NAME"):
            box.open(sealed)
    key.unlink()
    key.mkdir()
    with pytest.raises(KeyLost, match="Is a directory"):
        box.seal({"A": "value"})
    key.rmdir()
    with pytest.raises(KeyLost, match=r"secret\.key is not the key that these secrets were sealed with"):
        box.open(sealed)
    key.write_bytes(whole)
    assert box.open(sealed) == {"A": "value"}
