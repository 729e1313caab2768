"""How long a run of 60 jobs takes on few workers, in the order of the queue: against first come, first served, and
against what no order can beat.

`python -m benchmarks.makespan`; the real store, `decide` and `Queue.claim`, in simulated time: no Docker, no waiting.
"""

import heapq
import random
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from benchmarks.decide import Unconditional
from benchmarks.goals import BARS
from engine.core.retry import Outcome
from engine.core.scheduling import decide
from engine.store.queue import Lease
from engine.store.runs import NewRun
from engine.store.store import Store, open_store
from pipelines.dag import remaining_path
from pipelines.plan import JobPlan, RunPlan

START = datetime(2030, 1, 1, tzinfo=UTC)
GREEN = Outcome("succeeded", exit_code=0)
WORKERS = (2, 4)
RUNS = 3  # that are measured, each after HISTORY others
HISTORY = 3
SPREAD = 0.2  # by how much a job's time differs from run to run
SEED = 60

# The CI of a made-up repository with eight packages: seconds, and what each job needs, in file order.
JOBS = """
changes 4
format 9
lint 31 changes
types 58 changes
licences 6
sbom 12
docs 41 changes
links 17 docs
core-build 64 changes
core-unit 122 core-build
core-mutants 268 core-unit
proto-build 18 changes
proto-unit 11 proto-build
store-build 47 core-build
store-unit 139 store-build
store-sqlite 93 store-build
store-postgres 211 store-build
store-upgrade 76 store-build
api-build 52 core-build proto-build
api-unit 88 api-build
api-fuzz 300 api-build
api-contract 37 api-build
worker-build 39 core-build proto-build
worker-unit 67 worker-build
worker-chaos 174 worker-build store-build
cli-build 28 core-build
cli-unit 24 cli-build
cli-windows 96 cli-build
cli-macos 83 cli-build
web-install 22 changes
web-lint 16 web-install
web-types 34 web-install
web-unit 71 web-install
web-build 108 web-install
web-visual 145 web-build
sdk-python 33 proto-build
sdk-go 26 proto-build
sdk-node 29 proto-build
image-api 57 api-build
image-worker 49 worker-build
image-web 44 web-build
image-migrate 21 store-build
scan-api 19 image-api
scan-worker 18 image-worker
scan-web 13 image-web
chart 8 changes
compose 35 image-api image-worker image-web image-migrate
e2e-login 118 compose
e2e-runs 192 compose
e2e-search 84 compose
e2e-admin 65 compose
e2e-load 241 compose
e2e-upgrade 157 compose store-upgrade
e2e-browsers 226 compose web-visual
coverage 14 core-unit store-unit api-unit worker-unit cli-unit web-unit
package 27 cli-windows cli-macos cli-unit sdk-python sdk-go sdk-node
staging 46 scan-api scan-worker scan-web chart e2e-login e2e-runs
smoke 23 staging
notes 1 links licences sbom
publish 15 smoke package coverage notes e2e-load e2e-upgrade e2e-browsers
"""
LINES = [line.split() for line in JOBS.strip().splitlines()]
SECONDS = {name: float(seconds) for name, seconds, *_ in LINES}
NEEDS = {name: needs for name, _, *needs in LINES}


def bound(seconds: Mapping[str, float], workers: int) -> float:
    """Return what no order can beat: the longest chain, or all the work shared out."""
    longest: dict[str, float] = {}
    for name, needs in NEEDS.items():  # each stands below what it needs
        longest[name] = seconds[name] + max((longest[need] for need in needs), default=0.0)
    return max(*longest.values(), sum(seconds.values()) / workers)


def first_come(seconds: Mapping[str, float], workers: int) -> float:
    """Return how long it takes when the job goes first that has waited longest, then that which stands above."""
    unmet = {name: len(needs) for name, needs in NEEDS.items()}
    places = {name: place for place, name in enumerate(NEEDS)}
    waiting = [(0.0, places[name], name) for name, count in unmet.items() if not count]
    running: list[tuple[float, str]] = []
    now = 0.0
    while waiting or running:
        while waiting and len(running) < workers:
            name = heapq.heappop(waiting)[2]
            heapq.heappush(running, (now + seconds[name], name))
        now, ended = heapq.heappop(running)
        for name, needs in NEEDS.items():
            if ended in needs:
                unmet[name] -= 1
                if not unmet[name]:
                    heapq.heappush(waiting, (now, places[name], name))
    return now


class Shop:
    """A home in which runs of the graph take place, one after the other, in time of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._now = START
        self._repo = store.runs.repo("bench", "/bench")
        self._event, _ = store.runs.event(self._repo, "1", "push", {}, START)

    def run(self, seconds: Mapping[str, float], workers: int) -> float:
        """Return how long one run takes whose jobs take so many seconds each."""
        paths = remaining_path(NEEDS)
        jobs = tuple(JobPlan(name, name, needs=tuple(NEEDS[name]), remaining_path=paths[name]) for name in NEEDS)
        plan = RunPlan("", None, False, False, 1, 0, jobs)
        new = NewRun(self._repo, self._event, "w.yml", "W", "", "push", "main", "0" * 40, lambda *_: plan)
        names = {job.id: job.name for job in self._store.queries.jobs(self._store.runs.create(new, "bench", self._now))}
        begun_at, running = self._now, list[tuple[datetime, int, Lease]]()
        self._decide()
        while True:
            while len(running) < workers and (lease := self._store.queue.claim("bench", self._now)):
                ends_at = self._now + timedelta(seconds=seconds[names[lease.job_id]])
                heapq.heappush(running, (ends_at, lease.job_id, lease))
            if not running:
                return (self._now - begun_at).total_seconds()
            self._now, _, lease = heapq.heappop(running)
            self._store.queue.finish(lease, GREEN, self._now, outputs={}, tolerated=False)
            self._decide()

    def _decide(self) -> None:
        while moves := decide(snapshot := self._store.decisions.snapshot(Unconditional(), self._now)):
            applied = self._store.decisions.apply(moves, "scheduler", self._now, snapshot.sequence)
            self._store.queue.add(applied.queued)


def measured(workers: int) -> tuple[float, float, float]:
    """Return the ratios to the bound, the median of several runs: first come, first served; chains counted in jobs, as
    in the first run of a workflow; chains in seconds, once it has run before."""
    chance = random.Random(SEED)
    ratios = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder:
            store = open_store(Path(folder) / "home", create=True)
            shop, first = Shop(store), 0.0
            for turn in range(HISTORY + 1):
                seconds = {name: usual * chance.uniform(1 - SPREAD, 1 + SPREAD) for name, usual in SECONDS.items()}
                took = shop.run(seconds, workers) / bound(seconds, workers)
                first = first if turn else took
            ratios.append((first_come(seconds, workers) / bound(seconds, workers), first, took))
            store.close()
    fifo, counted, timed = (median(column) for column in zip(*ratios, strict=True))
    return fifo, counted, timed


def main() -> int:
    print(f"{len(NEEDS)} jobs of 1 to 300 s, {sum(map(len, NEEDS.values()))} needs; times the lower bound:")
    print(f"{'':12} {'first come':>12} {'first run':>12} {'in seconds':>12} {'goal':>8}")
    for workers in WORKERS:
        fifo, counted, timed = measured(workers)
        goal = BARS[f"60 jobs, {workers} workers"].goal
        verdict = "met" if timed <= goal else "MISSED"
        print(f"{workers:3} workers  {fifo:11.3f}x {counted:11.3f}x {timed:11.3f}x {goal:7.2f}x {verdict}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
