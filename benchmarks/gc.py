"""What the sweep of unused contents costs: seconds for 100,000 of them, half of which nothing refers to, and memory.

`python -m benchmarks.gc [COUNT]`.
"""

import hashlib
import json
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.store.contents.artifacts import Artifacts
from engine.store.contents.gc import Collector, artifact_digests

FILES = 500  # of an artifact


def fill(folder: Path, count: int) -> Artifacts:
    """Put blobs straight onto the disk, every second one in an artifact's manifest."""
    artifacts = Artifacts(folder)
    wanted = []
    for number in range(count):
        digest = hashlib.sha256(b"%d" % number).hexdigest()
        path = artifacts.blobs.path(digest)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 40)
        if number % 2:
            wanted.append({"path": f"f{number}", "mode": 0o644, "size_bytes": 40, "digest": digest, "link": None})
    for run, start in enumerate(range(0, len(wanted), FILES)):
        manifest = folder / "runs" / str(run) / "a.json"
        manifest.parent.mkdir()
        manifest.write_text(json.dumps({"files": wanted[start : start + FILES]}))
    return artifacts


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder:
        artifacts = fill(Path(folder), count)
        collector = Collector(artifacts.blobs, {"artifacts": lambda: artifact_digests(artifacts.folder)})
        now = datetime.now(UTC) + timedelta(hours=2)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for what in ("half of them go", "nothing goes"):
            start = time.perf_counter()
            for _ in collector.steps(now):
                pass
            left = sum(len(files) for _, _, files in os.walk(artifacts.blobs.folder / "blobs"))
            print(f"{count} contents, {what}: {time.perf_counter() - start:.2f} s, {left} left")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"memory: {(peak - before) // 1024} MB more than before, {peak // 1024} MB in all")


if __name__ == "__main__":
    main()
