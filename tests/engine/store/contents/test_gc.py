"""The sweep of contents: what is referred to stays whatever happens, what is not goes by and by."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.core.clock import SystemClock
from engine.core.errors import EngineError
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.gc import Collector, Marks, artifact_digests
from tests.engine.store.tars import tar_of

PROJECT = Path(__file__).parents[4]


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def collector(artifacts: Artifacts) -> Collector:
    return Collector(artifacts.blobs, {"artifacts": lambda: artifact_digests(artifacts.folder)})


def later() -> datetime:
    """When all that is written now is old enough to be swept."""
    return SystemClock().now() + timedelta(hours=2)


def save(artifacts: Artifacts, run: int, **files: bytes) -> None:
    artifacts.save_tar(run, 1, 1, "a", tar_of(files), 1 << 30)


def swept(artifacts: Artifacts, now: datetime | None = None) -> int:
    return sum(collector(artifacts).steps(now or later()))


def names(artifacts: Artifacts) -> set[str]:
    return {blob.path.name for blob in artifacts.blobs.list()}


def whole(artifacts: Artifacts, run: int) -> bool:
    """Can every file of a run's artifact be read?"""
    [artifact] = artifacts.list(run)
    return all(b"".join(artifacts.read(file)) is not None for file in artifact.files)


def test_what_no_artifact_has_any_more_goes_and_the_rest_stays(artifacts: Artifacts) -> None:
    save(artifacts, 1, own=b"own", shared=b"shared")
    save(artifacts, 2, shared=b"shared", large=os.urandom(9 << 20))
    assert swept(artifacts) == 0
    artifacts.delete(artifacts.list(1)[0])
    assert collector(artifacts).garbage(later())[0] == 1
    assert swept(artifacts) > 0
    assert whole(artifacts, 2) and collector(artifacts).garbage(later()) == (0, 0)
    artifacts.delete(artifacts.list(2)[0])
    swept(artifacts)
    assert names(artifacts) == set(), "the pieces of a large content as well"


def test_what_was_written_just_now_is_left_alone(artifacts: Artifacts) -> None:
    with artifacts.blobs.batch() as batch:
        batch.put(tar_of({"f": b"1"}), 100)
        batch.commit()
    assert swept(artifacts, SystemClock().now()) == 0
    assert names(artifacts)
    assert swept(artifacts) > 0


def test_what_an_open_batch_has_written_or_found_is_left_alone_however_late_it_is(artifacts: Artifacts) -> None:
    save(artifacts, 1, old=b"old")
    artifacts.delete(artifacts.list(1)[0])
    for path in artifacts.blobs.folder.glob("blobs/*/*"):
        os.utime(path, (0, 0))
    with artifacts.blobs.batch() as batch:
        found = batch.put(tar_of({}), 0)
        assert swept(artifacts) > 0, "garbage from before the batch goes even now"
        batch.commit()
        assert swept(artifacts) == 0
        assert artifacts.blobs.has(found)


def test_a_reference_that_cannot_be_read_stops_the_sweep(artifacts: Artifacts) -> None:
    save(artifacts, 1, own=b"own")
    manifest = next(artifacts.folder.glob("runs/1/*.json"))
    kept = manifest.read_text()
    manifest.write_text(kept[: len(kept) // 2])
    before = names(artifacts)
    with pytest.raises(EngineError, match="is damaged"):
        swept(artifacts)
    assert names(artifacts) == before
    manifest.write_text(kept)
    assert swept(artifacts) == 0


def test_a_content_that_is_not_there_is_named(artifacts: Artifacts) -> None:
    save(artifacts, 1, own=b"own")
    assert list(collector(artifacts).missing()) == []
    next(artifacts.blobs.list()).path.unlink()
    [(who, digest)] = collector(artifacts).missing()
    assert who == "artifacts" and digest == artifacts.list(1)[0].files[0].digest


def test_marks_know_what_was_added() -> None:
    marks = Marks()
    digests = [os.urandom(32).hex() for _ in range(2000)]
    for digest in digests[:1000]:
        marks.add(digest)
    assert all(digest in marks for digest in digests[:1000])
    assert not any(digest in marks for digest in digests[1000:])


WRITER = """
import io, itertools, os, sys
from pathlib import Path
from engine.store.contents.artifacts import Artifacts
from tests.engine.store.tars import tar_of
artifacts = Artifacts(Path(sys.argv[1]))
for run in itertools.count(int(sys.argv[2])):
    artifacts.save_tar(run, 1, 1, "a", tar_of({"new": os.urandom(3000), "same": b"same" * 999}), 1 << 20)
    print(run, flush=True)
"""
SWEEPER = """
import sys
from datetime import datetime, timedelta, UTC
from pathlib import Path
from engine.store.contents import blobs
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.gc import Collector, artifact_digests
blobs.GRACE_S = 0.0
artifacts = Artifacts(Path(sys.argv[1]))
collector = Collector(artifacts.blobs, {"artifacts": lambda: artifact_digests(artifacts.folder)})
print("ready", flush=True)
while True:
    print(sum(collector.steps(datetime.now(UTC))), flush=True)
"""


def process(code: str, *words: object) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)


def lines(child: "subprocess.Popen[bytes]", count: int) -> Iterator[bytes]:
    assert child.stdout is not None
    for _ in range(count):
        line = child.stdout.readline()
        assert line, "the process ended by itself"
        yield line


def test_kills_of_writer_and_sweeper_at_any_moment_lose_nothing(artifacts: Artifacts) -> None:
    """They work beside each other without any grace; artifacts come and go; both are killed over and over."""
    sweeper = process(SWEEPER, artifacts.folder)
    list(lines(sweeper, 1))
    published: set[int] = set()
    for turn in range(2):
        writer = process(WRITER, artifacts.folder, 1000 * turn)
        published.update(map(int, lines(writer, 12)))
        for run in sorted(published)[:-6]:
            for artifact in artifacts.list(run):
                artifacts.delete(artifact)
            published.discard(run)
        list(lines(sweeper, 1))
        writer.send_signal(signal.SIGKILL)
        sweeper.send_signal(signal.SIGKILL)
        for child in (writer, sweeper):
            child.wait()
            assert child.stdout is not None
            child.stdout.close()
        assert all(whole(artifacts, run) for run in published)
        sweeper = process(SWEEPER, artifacts.folder)
        list(lines(sweeper, 1))
    sweeper.kill()
    sweeper.wait()
    assert sweeper.stdout is not None
    sweeper.stdout.close()
    artifacts.recover()
    swept(artifacts)
    runs = [int(path.name) for path in (artifacts.folder / "runs").iterdir() if any(path.iterdir())]
    wanted = {file["digest"] for run in runs for path in (artifacts.folder / "runs" / str(run)).iterdir()
              for file in json.loads(path.read_text())["files"]}  # fmt: skip
    assert {blob.digest for blob in artifacts.blobs.list()} == wanted
    assert all(whole(artifacts, run) for run in runs)


def test_whoever_writes_contents_is_known_to_the_sweep() -> None:
    """Another one that refers to contents has to be a root in `pruning_of`, or its contents would be swept."""
    known = {"artifacts.py", "snapshots.py", "backup.py"}  # what a backup holds is artifacts and snapshots again
    apart = {"caches.py", "checkpoints.py"}  # in stores of their own, which this sweep never looks into
    writers = {path.name for path in (PROJECT / "engine").rglob("*.py") if ".batch(" in path.read_text()}
    assert writers <= known | apart, "name it in engine/control/housekeeping/retention.py first"
