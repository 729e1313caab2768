"""The laws of the key that secrets are sealed with."""

import os

import pytest

from engine.store.secrets import SecretBox


def test_the_key_is_on_the_disk_before_it_bears_its_name(tmp_path, monkeypatch: pytest.MonkeyPatch):
    flushed: list[int] = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        flushed.append(os.fstat(fd).st_size)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    SecretBox(tmp_path).seal({"TOKEN": "s3cr3t"})
    assert flushed[0] == (tmp_path / "secret.key").stat().st_size > 0
