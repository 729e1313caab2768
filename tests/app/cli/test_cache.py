"""`treadle cache`: what is kept, and its removal."""

import io
import json
from pathlib import Path

import pytest

from app.cli.main import main
from engine.store.caches import Caches
from engine.store.store import open_store


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    open_store(home, create=True).close()
    caches = Caches(home / "cache" / "actions")
    for ref in ("refs/heads/main", "refs/heads/next"):
        caches.save("a/b", ref, "deps", "v", {"root": io.BytesIO(b"x" * 1000)})
    return home


def test_caches_are_listed_and_removed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "list", "--home", str(home), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {(one["repo"], one["ref"], one["key"], one["size_bytes"]) for one in listed} == {
        ("a/b", "refs/heads/main", "deps", 1000), ("a/b", "refs/heads/next", "deps", 1000),
    }  # fmt: skip
    assert main(["cache", "remove", listed[0]["id"], "--home", str(home)]) == 0
    assert main(["cache", "list", "--home", str(home)]) == 0
    assert capsys.readouterr().out.count("deps") == 1
    assert main(["cache", "remove", "deps", "--home", str(home)]) == 0
    assert main(["cache", "remove", "deps", "--home", str(home)]) != 0
    assert "There is no cache 'deps'." in capsys.readouterr().err
