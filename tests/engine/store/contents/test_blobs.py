"""The blob store: each content once, cut where its bytes say so, checked when read, swept beside its writers."""

import io
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from engine.store.contents.blobs import GRACE_S, BlobError, Blobs

LONG_AGO_S = 1000.0


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


def kept(blobs: Blobs, *contents: bytes) -> list[str]:
    with blobs.batch() as batch:
        digests = [batch.put(io.BytesIO(content), len(content)) for content in contents]
        batch.commit()
    return digests


def whole(blobs: Blobs, digest: str) -> bytes:
    return b"".join(blobs.read(digest))


def aged(blobs: Blobs) -> None:
    """Make every blob one that nobody wanted for a long time."""
    for blob in blobs.list():
        os.utime(blob.path, (LONG_AGO_S, LONG_AGO_S))


LARGE = random.Random(1).randbytes(12_000_000)


@pytest.mark.parametrize("content", [b"", b"x", bytes(3_000_000), LARGE[: 4 << 20], LARGE, bytes(9_000_000)])
def test_what_was_kept_comes_back(blobs: Blobs, content: bytes) -> None:
    [digest] = kept(blobs, content)
    assert whole(blobs, digest) == content
    assert blobs.size(digest) == len(content)
    assert blobs.has(digest)


@pytest.mark.parametrize(
    "span", [(0, 0), (0, 1), (5, 5_000_000), (4_999_999, 5_000_000), (11_000_000, None), (1, 12_000_000)]
)
def test_any_part_of_a_content_can_be_read(blobs: Blobs, span: tuple[int, int | None]) -> None:
    digest, small = kept(blobs, LARGE, b"0123456789")
    start, end = span
    assert b"".join(blobs.read(digest, start, end)) == LARGE[start:end]
    assert b"".join(blobs.read(small, 2, 5)) == b"234"


def test_a_change_in_the_middle_of_a_large_content_costs_a_few_pieces(blobs: Blobs) -> None:
    kept(blobs, LARGE)
    changed = LARGE[:6_000_000] + b"inserted" + LARGE[6_000_000:]
    with blobs.batch() as batch:
        digest = batch.put(io.BytesIO(changed), len(changed))
        batch.commit()
        assert batch.new_bytes < 5_000_000
    assert whole(blobs, digest) == changed


def test_a_content_that_is_there_is_not_written_again(blobs: Blobs) -> None:
    kept(blobs, b"a", LARGE)
    with blobs.batch() as batch:
        batch.put(io.BytesIO(LARGE), len(LARGE))
        batch.put_bytes(b"a")
        batch.commit()
        assert (batch.new_bytes, batch.written) == (0, ())


def test_what_was_not_committed_is_gone(blobs: Blobs) -> None:
    with blobs.batch() as batch:
        digest = batch.put_bytes(b"half")
    assert not blobs.has(digest)
    assert not list((blobs.folder / "partial").iterdir())


@pytest.mark.parametrize("size", [100, 6_000_000])
def test_a_content_that_ends_early_is_refused(blobs: Blobs, size: int) -> None:
    with blobs.batch() as batch, pytest.raises(EOFError):
        batch.put(io.BytesIO(bytes(size - 1)), size)


def test_damage_on_disk_is_noticed(blobs: Blobs) -> None:
    small, large = kept(blobs, b"small", LARGE)
    blobs.path(small).write_bytes(blobs.path(kept(blobs, b"other")[0]).read_bytes())
    with pytest.raises(BlobError, match="damaged"):
        whole(blobs, small)
    blobs.path(blobs.pieces(large)[1].digest).write_bytes(b"junk")
    with pytest.raises(BlobError, match="cannot be read"):
        whole(blobs, large)
    listed = blobs.list_path(large)
    listed.write_bytes(listed.read_bytes()[36:])
    with pytest.raises(BlobError, match="damaged"):
        whole(blobs, large)


def test_a_lost_piece_is_written_again_by_who_keeps_the_content(blobs: Blobs) -> None:
    [large] = kept(blobs, LARGE)
    blobs.path(blobs.pieces(large)[2].digest).unlink()
    kept(blobs, LARGE)
    assert whole(blobs, large) == LARGE


def test_a_sweep_takes_what_nothing_reaches_and_no_more(blobs: Blobs) -> None:
    wanted, other, stays = kept(blobs, LARGE, LARGE[1_000_000:], b"stays")
    aged(blobs)
    horizon = blobs.horizon(LONG_AGO_S + 2 * GRACE_S)
    reached = blobs.reach([wanted, stays])
    count, freed = blobs.discard([blob for blob in blobs.list() if blob.digest not in reached], horizon)
    assert count >= 2 and freed > 0
    assert not blobs.has(other)
    assert whole(blobs, wanted) == LARGE and whole(blobs, stays) == b"stays"


def test_a_sweep_leaves_what_an_open_batch_counts_on(blobs: Blobs) -> None:
    old, idle = kept(blobs, b"old", b"idle")
    with blobs.batch() as batch:
        started = max(path.stat().st_mtime for path in (blobs.folder / "partial").glob("*/pin"))
        assert blobs.horizon(started + 100 * GRACE_S) == started - GRACE_S
        aged(blobs)
        assert batch.put_bytes(b"old") == old
        blobs.discard(list(blobs.list()), started - GRACE_S)
        assert blobs.has(old) and not blobs.has(idle)
    assert blobs.horizon(started + 100 * GRACE_S) == started + 99 * GRACE_S


def test_what_is_wanted_while_a_sweep_looks_stays(blobs: Blobs) -> None:
    [digest] = kept(blobs, b"wanted again")
    aged(blobs)
    listed = list(blobs.list())
    horizon = blobs.horizon(LONG_AGO_S + 2 * GRACE_S)
    assert blobs.want(digest)
    assert blobs.discard(listed, horizon) == (0, 0)


def test_recovering_leaves_another_process_its_batch_and_takes_what_a_killed_one_left(blobs: Blobs) -> None:
    code = (
        "import sys; from pathlib import Path; from engine.store.contents.blobs import Blobs\n"
        f"with Blobs(Path({str(blobs.folder)!r})).batch() as batch:\n"
        "    print(batch.put_bytes(b'theirs'), flush=True); sys.stdin.readline(); batch.commit()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin and other.stdout
        digest = other.stdout.readline().decode().strip()
        blobs.recover()
        other.stdin.write(b"\n")
        other.stdin.close()
        assert other.wait() == 0
    assert blobs.has(digest)
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout
        killed.stdout.readline()
        killed.kill()
    assert list((blobs.folder / "partial").iterdir())
    blobs.recover()
    assert not list((blobs.folder / "partial").iterdir())
