"""What people wait for in a home with 100,000 jobs: the list of runs by each filter, the promises, what goes.

`python -m benchmarks.many [JOBS [JOBS OF A RUN]]`. Milliseconds, the median of some turns; the aim for what people look
at is 100.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from engine.control.housekeeping.retention import pruning_of
from engine.settings.model import Retention, Slo
from engine.store.contents.artifacts import Artifacts
from engine.store.slo import slo_report
from engine.store.store import Store, open_store
from engine.store.tables.schema import TABLES

PER_RUN, STEPS = 10, 4
WORKFLOWS, BRANCHES, REPOS, OPEN = 8, 20, 5, 3
DAYS = 60
AIM_MS = 100
CHUNK = 500  # runs a write
PLAN = {"key": "build", "name": "build", "retry": None, "dynamic": False, "concurrency_late": False, "text": "y" * 300}


class Rows:
    """Rows for the tables, with every column's own default where nothing else is said."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fields = {table._meta.table_name: table._meta.sorted_fields for table in TABLES}
        self._made: dict[str, list[tuple[Any, ...]]] = {}
        self.sequence = 0

    def add(self, table: str, **given: object) -> None:
        row = (field.db_value(given.get(field.name, _default(field))) for field in self._fields[table])
        self._made.setdefault(table, []).append(tuple(row))

    def changed(self, noun: str, run: int, status: str, at: float, **more: object) -> None:
        self.sequence += 1
        self.add("transition", sequence=self.sequence, noun=noun, run_id=run, to_status=status, at=at, **more)

    def write(self) -> None:
        with self._store.database.write():
            for table, rows in self._made.items():
                marks = ", ".join("?" * len(self._fields[table]))
                names = ", ".join(field.column_name for field in self._fields[table])
                self._store.database.execute_many(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)
        self._made.clear()


def _default(field: Any) -> Any:
    if field.default is not None:
        return field.default() if callable(field.default) else field.default
    return None if field.null else "" if "Char" in type(field).__name__ or "Text" in type(field).__name__ else 0


def fill(store: Store, jobs: int, each: int, repos: int = REPOS, open_runs: int = OPEN) -> None:
    """Write runs of so many jobs each, over sixty days; one in ten failed and tried a job twice, the last ones run."""
    rows, runs = Rows(store), jobs // each
    start = datetime.now(UTC).timestamp() - DAYS * 86_400
    for repo in range(1, repos + 1):
        rows.add("repo", id=repo, name=f"team/{repo}")
    numbers: dict[tuple[int, int], int] = {}
    for run in range(1, runs + 1):
        place = (run % repos + 1, run % WORKFLOWS)
        numbers[place] = numbers.get(place, 0) + 1
        _run(rows, run, place, numbers[place], start + run * DAYS * 86_400 / runs, run > runs - open_runs, each)
        if run % CHUNK == 0:
            rows.write()
    rows.write()


def _run(rows: Rows, run: int, place: tuple[int, int], number: int, at: float, is_open: bool, each: int) -> None:
    failed = run % 10 == 0
    status = "running" if is_open else "failed" if failed else "success"
    end = None if is_open else at + 100
    path, ref = f".github/workflows/w{place[1]}.yml", f"refs/heads/b{run % BRANCHES}"
    rows.add(
        "run", id=run, number=number, repo_id=place[0], event_id=run, workflow_path=path,
        workflow_name=f"Workflow {place[1]}", title=f"Change {run}", definition="d", event="push", sha=f"{run:040x}",
        ref=ref, status=status, contexts={"github": {"event": "z" * 4000}}, source={}, actor="ada", created_at=at,
        started_at=at + 1, finished_at=end,
    )  # fmt: skip
    rows.changed("run", run, "queued", at)
    for index in range(each):
        job, ended = run * each + index, at + 20 + index
        bad = failed and index == 3
        word = ("running" if index < 2 else "queued") if is_open else "failed" if bad else "success"
        tries = 2 if bad else 0 if word == "queued" else 1
        rows.add(
            "job", id=job, run_id=run, repo_id=place[0], key=f"job{index}", name=f"job {index}", status=word, plan=PLAN,
            job_index=0, job_total=1, needs=[], attempts=tries, outputs={}, created_at=at, queued_at=at,
            started_at=at + 2, finished_at=None if is_open else ended,
        )  # fmt: skip
        if index:
            rows.add("edge", job_id=job, need_id=run * each)
        for made in range(1, tries + 1):
            attempt = job * 3 + made
            rows.add(
                "attempt", id=attempt, job_id=job, number=made, worker=f"w{index}", token=str(attempt), status=word,
                queued_at=at, started_at=at + 2, heartbeat_at=at, lease_expires_at=at,
                finished_at=None if is_open else ended,
            )  # fmt: skip
            for step in range(STEPS):
                rows.add("step", attempt_id=attempt, position=step, name="Step", status="success", started_at=at)
                rows.changed("step", run, "success", ended, job_id=job, attempt=made, step=step)
            rows.changed("attempt", run, word, ended, job_id=job, attempt=made)
        rows.changed("job", run, word, ended, job_id=job)


def main() -> None:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    each = int(sys.argv[2]) if len(sys.argv) > 2 else PER_RUN
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder:
        home = Path(folder) / "home"
        store = open_store(home, create=True)
        start = time.perf_counter()
        fill(store, jobs, each)
        size = store.database.path.stat().st_size >> 20
        print(f"{jobs} jobs written in {time.perf_counter() - start:.0f} s, a database of {size} MiB")
        queries, now, runs = store.queries, datetime.now(UTC), jobs // each
        pruning = pruning_of(store, Artifacts(home / "artifacts"))
        rules = Retention(runs_s=30 * 86_400.0)
        measures: dict[str, Callable[[], object]] = {
            "list, the newest": lambda: queries.runs(limit=20),
            "list, of one repository": lambda: queries.runs(repo="team/3", limit=20),
            "list, of a branch": lambda: queries.runs(branch="b7", limit=20),
            "list, of a branch that is not": lambda: queries.runs(branch="none", limit=20),
            "list, what failed": lambda: queries.runs(status="failed", limit=20),
            "list, what was cancelled (none)": lambda: queries.runs(status="cancelled", limit=20),
            "list, of one workflow": lambda: queries.runs(workflow="w5", limit=20),
            "list, of a workflow that is not": lambda: queries.runs(workflow="none", limit=20),
            "list, far back": lambda: queries.runs(before=runs // 10, limit=50),
            "the promises": lambda: slo_report(Slo(), now),
        }
        for what, measure in measures.items():
            times = []
            for _ in range(5):
                start = time.perf_counter()
                measure()
                times.append((time.perf_counter() - start) * 1000)
            print(f"{what:34} {median(times):7.1f} ms  {'met' if median(times) <= AIM_MS else 'MISSED'}")
        start = time.perf_counter()
        going = list(pruning.going(rules, now))
        spent = time.perf_counter() - start
        print(f"what goes, of half the runs: {len(going)} in {spent:.2f} s")
        longest, steps, start = 0.0, 0, time.perf_counter()
        for one in going[:500]:
            last = time.perf_counter()
            for _ in pruning.retention.take(one):
                longest, last, steps = max(longest, time.perf_counter() - last), time.perf_counter(), steps + 1
        spent = time.perf_counter() - start
        print(f"500 of them taken away in {spent:.2f} s, {steps} steps, the longest {longest * 1000:.0f} ms")
        store.close()


if __name__ == "__main__":
    main()
