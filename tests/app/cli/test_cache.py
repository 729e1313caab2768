"""`treadle cache`: what is kept, and its removal."""

import io
import json
from pathlib import Path

import pytest

from app.cli.main import main
from app.views.caches import caches_of
from engine.store.contents.caches import Caches
from engine.store.store import open_store
from tests.app.server.site import site as serve


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


def test_caches_of_an_engine_elsewhere_are_listed_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(tmp_path / "home") as site:
        caches = caches_of(site.home)
        for repo, key in (("a/b", "deps/v 1"), ("a/c", "deps/v 1"), ("a/c", "é&x")):
            caches.save(repo, "refs/heads/main", key, "v", {"root": io.BytesIO(b"x")})
        there = ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("write")]
        assert main(["cache", "list", "--repo", "a/c", "--json", *there]) == 0
        assert {one["key"] for one in json.loads(capsys.readouterr().out)} == {"deps/v 1", "é&x"}
        assert main(["cache", "remove", "deps/v 1", "--repo", "a/c", *there]) == 0
        assert main(["cache", "remove", "é&x", *there]) == 0
        assert main(["cache", "remove", "deps/v 2", *there]) != 0
        assert "There is no cache 'deps/v 2'." in capsys.readouterr().err
        assert [(one.repo, one.key) for one in caches.list()] == [("a/b", "deps/v 1")]
