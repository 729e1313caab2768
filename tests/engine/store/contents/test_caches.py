"""The laws of caches: which entry a job may use, that a key is kept once, what goes when there is too much."""

import io
import json
import os
import threading
from pathlib import Path

import pytest

from engine.store.contents.caches import Cache, CacheDamaged, Caches
from tests.engine.fakes import FakeClock

MAIN, FEATURE, PULL = "refs/heads/main", "refs/heads/feature", "refs/pull/1/merge"


@pytest.fixture
def caches(tmp_path: Path) -> Caches:
    return Caches(tmp_path / "caches", FakeClock())


def keep(
    caches: Caches, key: str, scope: str = MAIN, data: bytes = b"x", version: str = "v", repo: str = "a/b"
) -> Cache:
    entry = caches.save(repo, scope, key, version, {"root": io.BytesIO(data)})
    assert entry is not None
    caches._clock.advance(1)  # type: ignore[attr-defined]
    return entry


def content(caches: Caches, entry: Cache) -> bytes:
    return b"".join(caches.read(entry, "root"))


def test_what_is_kept_comes_back(caches: Caches) -> None:
    data = os.urandom(9 << 20)
    entry = keep(caches, "k", data=data)
    assert content(caches, entry) == data
    assert (entry.size_bytes, entry.stored_bytes > len(data) * 0.9) == (len(data), True)
    assert [one.key for one in caches.list("a/b")] == ["k"]


def test_a_key_is_kept_once_for_its_paths_and_its_branch(caches: Caches) -> None:
    keep(caches, "k", data=b"first")
    assert caches.save("a/b", MAIN, "k", "v", {"root": io.BytesIO(b"second")}) is None
    keep(caches, "k", scope=FEATURE)
    keep(caches, "k", version="w")
    keep(caches, "k", repo="a/c")
    found = caches.find("a/b", [MAIN], ["k"], "v")
    assert found is not None and content(caches, found) == b"first"


def test_a_key_stands_before_restore_keys_and_the_newest_of_a_beginning_is_taken(caches: Caches) -> None:
    for key in ("deps-1", "deps-2", "deps-linux-1", "other"):
        keep(caches, key)
    wanted = [("deps-1", []), ("deps-3", ["deps-"]), ("nothing", ["oth", "deps-"]), ("deps", []), ("none", ["no"])]
    found = [caches.find("a/b", [MAIN], [key, *more], "v") for key, more in wanted]
    assert [one and one.key for one in found] == ["deps-1", "deps-linux-1", "other", "deps-linux-1", None]


def test_a_branch_sees_its_own_then_the_base_then_the_default(caches: Caches) -> None:
    keep(caches, "k-main")
    keep(caches, "k-feature", scope=FEATURE)

    def seen(*scopes: str) -> str | None:
        found = caches.find("a/b", scopes, ["k-"], "v")
        return found and found.key

    assert seen(PULL, FEATURE, MAIN) == "k-feature"
    assert seen(PULL, MAIN) == "k-main"
    assert seen(PULL) is None


def test_what_nobody_used_for_the_longest_time_goes_first(caches: Caches) -> None:
    for number, key in enumerate("abc"):
        entry = keep(caches, key, data=os.urandom(1000))
        os.utime(entry.path, (number, number))
    list(caches.read(caches.list()[-1], "root"))  # a is used once more
    gone = caches.make_room(2500)
    assert [entry.key for entry in gone] == ["b"]
    assert sorted(entry.key for entry in caches.list()) == ["a", "c"]


def test_a_damaged_entry_is_not_given_out(caches: Caches) -> None:
    entry = keep(caches, "k", data=b"content")
    path = caches.blobs.path(entry.tars["root"])
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(CacheDamaged):
        content(caches, entry)
    with pytest.raises(CacheDamaged, match="lacks"):
        content(caches, entry)


def test_of_two_that_keep_a_key_at_once_one_is_first(tmp_path: Path) -> None:
    caches = Caches(tmp_path / "caches")
    begin, kept = threading.Barrier(4), []

    def save(data: bytes) -> None:
        begin.wait()
        kept.append(caches.save("a/b", MAIN, "k", "v", {"root": io.BytesIO(data)}))

    threads = [threading.Thread(target=save, args=(bytes([number]),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([entry for entry in kept if entry]) == 1
    assert len(caches.list()) == 1


@pytest.mark.parametrize(
    "manifest", ['{"repo": "a/b"', "[]", "null", '{"created_at": "2026-01-01T00:00:00Z"}', '{"created_at": 3}']
)
def test_half_an_entry_is_none_and_its_key_is_free(caches: Caches, manifest: str) -> None:
    entry = keep(caches, "k")
    entry.path.write_text(manifest)
    assert caches.list() == []
    assert not caches.has("a/b", MAIN, "k", "v")
    assert caches.find("a/b", [MAIN], ["k"], "v") is None
    assert content(caches, keep(caches, "k", data=b"again")) == b"again"


def test_an_entry_with_a_field_of_another_kind_is_none(caches: Caches) -> None:
    entry = keep(caches, "k")
    told = json.loads(entry.path.read_text())
    for name, wrong in {"key": 3, "tars": ["root"], "stored_bytes": "1", "created_at": None}.items():
        entry.path.write_text(json.dumps(told | {name: wrong}))
        assert caches.list() == [], name
    entry.path.write_text(json.dumps(told | {"tars": {"root": "../../../etc/passwd"}}))
    assert caches.list() == []


def test_damage_stops_no_sweep_and_goes_with_it(caches: Caches) -> None:
    """An engine starts, and others keep on keeping, whatever became of a manifest or a list of pieces."""
    damaged, sound = keep(caches, "damaged"), keep(caches, "sound", data=b"sound")
    cut = keep(caches, "cut", data=os.urandom(9 << 20))
    damaged.path.write_text("{")
    caches.blobs.list_path(cut.tars["root"]).write_bytes(b"?")
    caches.recover()
    assert caches.make_room(1 << 40) == ()
    assert (damaged.path.exists(), cut.path.exists()) == (False, False)
    assert content(caches, sound) == b"sound"


@pytest.mark.parametrize("size_bytes", [100, 9 << 20])
def test_what_was_damaged_is_written_anew_by_whoever_keeps_the_same(caches: Caches, size_bytes: int) -> None:
    data = os.urandom(size_bytes)
    entry = keep(caches, "k", data=data)
    path = caches.blobs.path(caches.blobs.pieces(entry.tars["root"])[-1].digest)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(CacheDamaged):
        content(caches, entry)
    caches.remove(entry)
    assert content(caches, keep(caches, "k", data=data)) == data


def test_a_damaged_list_is_written_anew_by_whoever_keeps_the_same(caches: Caches) -> None:
    data = os.urandom(9 << 20)
    entry = keep(caches, "k", data=data)
    caches.blobs.list_path(entry.tars["root"]).write_bytes(b"?")
    with pytest.raises(CacheDamaged):
        content(caches, entry)
    caches.remove(entry)
    assert content(caches, keep(caches, "k", data=data)) == data
