"""What it costs to decide about a run when its first job ends and all others become due: linear in its edges, or not.

`python -m benchmarks.decide`; no Docker, no server, a real store in a folder that is gone afterwards.
"""

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from engine.core.records import JobFacts
from engine.core.retry import Outcome
from engine.core.scheduling import decide
from engine.core.snapshot import Need
from engine.store.decisions import Decidable
from engine.store.runs import NewRun
from engine.store.store import Store, open_store
from pipelines.plan import JobPlan, RunPlan

SIZES = (50, 500, 5_000)
NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Unconditional:
    """Knows of no workflow: a job starts when its needs have succeeded."""

    def describe(self, facts: JobFacts) -> Decidable:
        return Decidable(None, {})

    def outputs(self, facts: JobFacts, called: Sequence[Need]) -> Mapping[str, str]:
        return {}


def wide(jobs: int) -> tuple[JobPlan, ...]:
    """Return a first job, many that need it, and a last that needs them all: nearly two edges a job."""
    total = jobs - 2
    cells = [JobPlan("m", f"m{n}", needs=("a",), job_index=n, job_total=total, fail_fast=False) for n in range(total)]
    return (JobPlan("a", "a"), *cells, JobPlan("z", "z", needs=("m",)))


def decided(store: Store) -> tuple[float, float]:
    """Decide until nothing follows any more; return the seconds of `decide` alone, and with reading and writing."""
    alone = 0.0
    start = time.perf_counter()
    while True:
        snapshot = store.decisions.snapshot(Unconditional(), NOW)
        before = time.perf_counter()
        moves = decide(snapshot)
        alone += time.perf_counter() - before
        if not moves:
            return alone, time.perf_counter() - start
        applied = store.decisions.apply(moves, "scheduler", NOW, snapshot.sequence)
        store.queue.add(applied.queued)


def fan_out(jobs: int) -> tuple[float, float]:
    """Return the seconds to decide about all jobs of a run whose first has just ended."""
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder:
        store = open_store(Path(folder) / "home", create=True)
        repo = store.runs.repo("bench", "/bench")
        event, _ = store.runs.event(repo, "1", "push", {}, NOW)
        plan = RunPlan("", None, False, False, 1, 0, wide(jobs))
        new = NewRun(repo, event, "w.yml", "W", "", "push", "refs/heads/main", "0" * 40, lambda *_: plan)
        store.runs.create(new, "bench", NOW)
        decided(store)
        lease = store.queue.claim("bench", NOW)
        assert lease is not None
        store.queue.finish(lease, Outcome("succeeded", exit_code=0), NOW, outputs={}, tolerated=False)
        try:
            return decided(store)
        finally:
            store.close()


def main() -> int:
    print(f"{'jobs':>8} {'edges':>8} {'decide()':>12} {'an edge':>10} {'with the store':>16} {'an edge':>10}")
    for jobs in SIZES:
        turns = [fan_out(jobs) for _ in range(3)]
        alone, whole = (median(turn[part] for turn in turns) for part in (0, 1))
        edges = 2 * (jobs - 2)
        print(
            f"{jobs:8} {edges:8} {alone * 1000:9.2f} ms {alone / edges * 1e6:7.2f} us"
            f" {whole * 1000:13.1f} ms {whole / edges * 1e6:7.1f} us",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
