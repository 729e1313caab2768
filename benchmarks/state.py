"""What state over time costs: artifacts up and down, snapshots of a tree and of a database, a backup, a sweep.

Run it from the repository's root: `python -m benchmarks state`, `--full` for 1 GiB in 5,000 files. Uploads and restores
are held against `cp -r` and `tar | zstd` of the same tree in the same minute.
"""

import argparse
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.control.housekeeping.retention import pruning_of
from engine.core.clock import SystemClock
from engine.settings.model import Retention
from engine.store.contents.artifacts import Artifacts
from engine.store.copies.backup import restore_backup, write_backup
from engine.store.copies.restore import restore_snapshot
from engine.store.copies.snapshots import HAND, Snapshots
from engine.store.store import Store, open_store
from engine.store.tables.events import EventRow
from engine.store.tables.runs import AttemptRow, JobRow, RunRow, StepRow, TransitionRow

MB = 1e6
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 1 << 40
NOISE = random.Random(4)
WORDS = [NOISE.randbytes(5) for _ in range(4000)]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def file_of(size: int) -> bytes:
    """Half noise, half what packs well: about what builds leave."""
    return NOISE.randbytes(size // 2) + b"".join(NOISE.choices(WORDS, k=size // 10))


def tree(folder: Path, count: int, size: int) -> int:
    for number in range(count):
        path = folder / f"d{number % 50}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file_of(size))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def packed(folder: Path, tar: Path) -> None:
    subprocess.run(["tar", "-cf", tar, "-C", folder, "."], check=True)


def upload(artifacts: Artifacts, tar: Path, run_id: int) -> None:
    with tar.open("rb") as file:
        artifacts.save_tar(run_id, 1, 1, "tree", file, LIMIT)


def told(figure: str, value: str, note: str = "") -> None:
    print(f"{figure:44} {value:>14}  {note}".rstrip(), flush=True)


def artifacts_up_and_down(root: Path, artifacts: Artifacts, source: Path, size: int) -> None:
    """Throughput, as a rate and as a multiple of the other tools' time."""
    tar = root / "tree.tar"
    packed(source, tar)
    os.sync()
    others = {"cp -r": seconds(lambda: subprocess.run(["cp", "-r", source, root / "copy"], check=True))}
    zstd = shutil.which("zstd")
    if zstd:
        pack = f"tar -cf - -C {source} . | zstd -q -3 -f -o {root}/tree.tar.zst"
        others["tar | zstd"] = seconds(lambda: subprocess.run(pack, shell=True, check=True))
        (root / "unpacked").mkdir()
        unpack = f"zstd -qdc {root}/tree.tar.zst | tar -xf - -C {root}/unpacked"
        others["zstd -d | tar -x"] = seconds(lambda: subprocess.run(unpack, shell=True, check=True))
    for name, taken in others.items():
        told(name, f"{size / MB / taken:.0f} MB/s")
    os.sync()

    def against(taken: float, *names: str) -> str:
        return ", ".join(f"{taken / others[name]:.1f}x the time of {name}" for name in names if name in others)

    taken = seconds(lambda: upload(artifacts, tar, 1))
    told("upload, flushed to the disk", f"{size / MB / taken:.0f} MB/s", against(taken, "cp -r", "tar | zstd"))
    taken = seconds(lambda: upload(artifacts, tar, 2))
    told("upload of what is there already", f"{size / MB / taken:.0f} MB/s", against(taken, "cp -r", "tar | zstd"))
    [artifact] = artifacts.list(1)
    taken = seconds(lambda: artifacts.extract(artifact, root / "out"))
    told("restore into a folder, checked", f"{size / MB / taken:.0f} MB/s", against(taken, "cp -r", "zstd -d | tar -x"))
    with (root / "out.tar").open("wb") as out:
        taken = seconds(lambda: artifacts.write_tar(artifact, out))
    told("restore as a tar, checked", f"{size / MB / taken:.0f} MB/s", against(taken, "cp -r"))
    for left in ("copy", "unpacked", "out"):
        shutil.rmtree(root / left, ignore_errors=True)


def snapshots_of_a_tree(root: Path, store: Store, artifacts: Artifacts, source: Path, size: int) -> None:
    """1 % of the files changes from one artifact to the next."""
    snapshots = Snapshots(store.home, artifacts.blobs)

    def disk() -> int:
        return sum(path.stat().st_size for path in store.home.rglob("*") if path.is_file())

    taken = seconds(lambda: snapshots.create(HAND, NOW))
    told("first snapshot", f"{taken:.2f} s", f"{snapshots.list()[0].new_bytes / MB:.1f} MB new")
    taken = seconds(lambda: snapshots.create(HAND, NOW + timedelta(hours=1)))
    told("snapshot, nothing changed", f"{taken:.2f} s", f"{snapshots.list()[0].new_bytes} bytes new")
    paths = sorted(path for path in source.rglob("*") if path.is_file())
    for path in NOISE.sample(paths, len(paths) // 100):
        path.write_bytes(file_of(path.stat().st_size))
    packed(source, root / "tree.tar")
    before = disk()
    upload(artifacts, root / "tree.tar", 3)
    taken = seconds(lambda: snapshots.create(HAND, NOW + timedelta(hours=2)))
    told("snapshot after 1 % of the files changed", f"{taken:.2f} s", f"{(disk() - before) / size:.2%} of the tree new")
    latest = snapshots.list()[0]
    taken = seconds(lambda: restore_snapshot(snapshots, latest, root / "new", NOW))
    told("a new home of it, all checked", f"{taken:.2f} s")
    with (root / "backup.tar").open("wb") as out:
        taken = seconds(lambda: write_backup(store.home, out, NOW))
    told("backup", f"{(root / 'backup.tar').stat().st_size / MB / taken:.0f} MB/s")
    taken = seconds(lambda: restore_backup(root / "backup.tar", root / "new2", NOW))
    told("a new home of it, all checked", f"{taken:.2f} s")


def snapshots_of_a_database(root: Path, jobs: int) -> None:
    """A database as a busy server has it, and what an hour with a hundred jobs more adds."""
    store = open_store(root / "busy", create=True)
    fill(store, jobs)
    snapshots = Snapshots(store.home)
    size = store.database.path.stat().st_size
    taken = seconds(lambda: snapshots.create(HAND, NOW))
    told(
        f"snapshot of {jobs:,} jobs ({size / MB:.0f} MB)",
        f"{taken:.2f} s",
        f"{snapshots.list()[0].new_bytes / MB:.1f} MB new",
    )
    fill(store, 100)
    taken = seconds(lambda: snapshots.create(HAND, NOW + timedelta(hours=1)))
    told("snapshot after 100 jobs more", f"{taken:.2f} s", f"{snapshots.list()[0].new_bytes / 1e3:.0f} kB new")
    store.close()


def fill(store: Store, jobs: int) -> None:
    """Write rows as jobs leave them."""
    first = store.database.rows("SELECT coalesce(max(id), 0) FROM run")[0][0] + 1
    at = NOW + timedelta(minutes=first)
    plan = {"name": "test", "steps": [{"run": f"make step{n} && ./check --all --verbose"} for n in range(6)]}
    with store.database.write():
        for run in range(first, first + max(1, jobs // 4)):
            sha = f"{NOISE.getrandbits(160):040x}"
            event = EventRow.create(repo_id=1, delivery=sha, kind="push", received_at=at, fields={"sha": sha}).id
            RunRow.create(
                id=run, number=run, repo_id=1, event_id=event, workflow_path="ci.yml", workflow_name="CI",
                title="Change it", definition="d", event="push", ref="refs/heads/main", sha=sha, status="success",
                priority=0, contexts={"github": {"sha": sha, "actor": "ada"}}, source={"mirror": "m"},
                created_at=at, started_at=at, finished_at=at,
            )  # fmt: skip
            for index in range(4):
                job = JobRow.create(
                    run_id=run, repo_id=1, key=f"j{index}", name=f"j{index}", status="success", plan=plan,
                    job_index=index, job_total=4, needs=[], priority=0, remaining_path=1, unmet=0, created_at=at,
                    attempts=1, finished_at=at,
                ).id  # fmt: skip
                attempt = AttemptRow.create(
                    job_id=job, number=1, worker="w1", token=f"{NOISE.getrandbits(128):x}", status="success",
                    started_at=at, lease_expires_at=at, heartbeat_at=at, finished_at=at,
                ).id  # fmt: skip
                for position in range(6):
                    StepRow.create(attempt_id=attempt, position=position, name=f"step {position}", status="success")
                for cause in ("needs_met", "claimed", "succeeded"):
                    TransitionRow.create(
                        noun="job", run_id=run, job_id=job, name=f"j{index}", from_status="queued",
                        to_status="running", cause=cause, reason="", actor="w1", at=at,
                    )  # fmt: skip


def sweep(root: Path, count: int) -> None:
    """Half of the contents belong to an artifact, half to nobody."""
    store = open_store(root / "swept", create=True)
    artifacts = Artifacts(store.home / "artifacts")
    for run_id, name in ((1, "stays"), (2, "goes")):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for number in range(count // 2):
                info = tarfile.TarInfo(f"{number}")
                info.size = 16
                tar.addfile(info, io.BytesIO(NOISE.randbytes(16)))
        buffer.seek(0)
        artifacts.save_tar(run_id, 1, 1, name, buffer, LIMIT)
    [goes] = artifacts.list(2)
    artifacts.delete(goes)
    pruning = pruning_of(store, artifacts)
    later = SystemClock().now() + timedelta(hours=2)
    taken = seconds(lambda: list(pruning.steps(Retention(), later)))
    left = len(artifacts.blobs.digests())
    told(f"sweep of {count:,} contents, half of them garbage", f"{taken:.2f} s", f"{left:,} left")
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.state")
    parser.add_argument("--full", action="store_true", help="1 GiB in 5,000 files, 100,000 jobs, 100,000 contents")
    full = parser.parse_args().full
    files, jobs, contents = (5000, 100_000, 100_000) if full else (1000, 10_000, 10_000)
    root = Path(tempfile.mkdtemp(prefix="treadle-state-"))
    try:
        source = root / "source"
        size = tree(source, files, 215_000)
        print(f"{size / MB:.0f} MB in {files:,} files; {sys.version.split()[0]}, {os.cpu_count()} CPUs")
        store = open_store(root / "home", create=True)
        artifacts = Artifacts(store.home / "artifacts")
        artifacts_up_and_down(root, artifacts, source, size)
        snapshots_of_a_tree(root, store, artifacts, source, size)
        store.close()
        snapshots_of_a_database(root, jobs)
        sweep(root, contents)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
