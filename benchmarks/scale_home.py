"""A home of any size, made of rows: runs that are over, jobs that wait, a large run under way, repositories."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.many import PER_RUN, Rows, fill
from benchmarks.place import repository
from benchmarks.process import free_port
from engine.store.runs import NewRun
from engine.store.store import Store, open_store
from pipelines.dag import remaining_path
from pipelines.plan import JobPlan, RunPlan

WIDTH = 25  # jobs of one layer of the large run
USUAL_S = 60.0
WORKFLOW = """on:
  push:
  schedule: [{cron: '0 3 * * *'}]
jobs:
  a: {runs-on: here, steps: [{run: 'true'}]}
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Job runs that are over, repositories, jobs that are queued, jobs of one run."""

    jobs: int
    repos: int
    queued: int
    dag: int


@dataclass(frozen=True, slots=True)
class Home:
    """A home that is filled, its queue paused. `dag` is the id of the large run, `waiting` of one of its jobs."""

    path: Path
    sizes: Sizes
    port: int
    dag: int
    waiting: int
    size_mb: float


def make(folder: Path, sizes: Sizes) -> Home:
    home = folder / "home"
    store = open_store(home, create=True)
    entries = "".join(
        f"  - {{name: team/{number}, url: {path}, watch: commits}}\n" for number, path in _repos(folder, sizes.repos)
    )
    port = free_port()
    (home / "treadle.yml").write_text(f"listen: 127.0.0.1:{port}\nlabels: {{here: host}}\nrepos:\n{entries}")
    fill(store, sizes.jobs, PER_RUN, repos=sizes.repos, open_runs=0)
    dag = _large(store, sizes.dag)
    _queue(store, sizes)
    store.queue.pause.set("bench", datetime.now(UTC))
    waiting = max(job.id for job in store.queries.jobs(dag))
    size = sum(file.stat().st_size for file in home.glob("treadle.db*")) / 1e6
    store.close()
    return Home(home, sizes, port, dag, waiting, size)


def chained(jobs: int) -> tuple[JobPlan, ...]:
    """Return jobs in layers, each in need of two of the layer before: two edges a job, and a long way to the end."""
    needs = {
        f"job{n}": tuple(f"job{m}" for m in sorted({n - WIDTH, n - n % WIDTH - WIDTH})) if n >= WIDTH else ()
        for n in range(jobs)
    }
    paths = remaining_path(needs)
    return tuple(JobPlan(key, key, needs=needs[key], remaining_path=paths[key]) for key in needs)


def written(plans: tuple[JobPlan, ...]) -> str:
    """Return the workflow that such jobs are planned from."""
    jobs = "".join(
        f"  {one.key}: {{runs-on: here, needs: [{', '.join(one.needs)}], steps: [{{run: 'true'}}]}}\n" for one in plans
    )
    return f"on: push\njobs:\n{jobs}"


def _repos(folder: Path, count: int) -> list[tuple[int, Path]]:
    """Return so many repositories of one commit each, by number; copies of the first."""
    first = repository(folder / "repos" / "1", {".treadle/workflows/w.yml": WORKFLOW})
    for number in range(2, count + 1):
        shutil.copytree(first, folder / "repos" / str(number))
    return [(number, folder / "repos" / str(number)) for number in range(1, count + 1)]


def _large(store: Store, jobs: int) -> int:
    """Record a run of so many jobs whose first half is over; return its id."""
    now = datetime.now(UTC)
    event, _ = store.runs.event(1, "large", "push", {}, now)
    plans = chained(jobs)
    plan = RunPlan("", None, False, False, 1, 0, plans)
    digest, _ = store.definitions.keep(".treadle/workflows/large.yml", written(plans), "")
    new = NewRun(1, event, "large.yml", "Large", digest, "push", "refs/heads/main", "0" * 40, lambda *_: plan)
    run_id = store.runs.create(new, "bench", now - timedelta(hours=1))
    ids = [job.id for job in store.queries.jobs(run_id)]
    over = ids[: len(ids) // 2]
    rows, at = Rows(store), now.timestamp() - 3600
    rows.sequence = store.queries.last_sequence()
    for place, job in enumerate(over):
        rows.add(
            "attempt", job_id=job, number=1, worker="w", token=f"large{job}", status="success", queued_at=at + place,
            started_at=at + place, heartbeat_at=at, lease_expires_at=at, finished_at=at + place + 30, id=None,
        )  # fmt: skip
        rows.changed("job", run_id, "success", at + place + 30, job_id=job)
    rows.write()
    with store.database.write():
        for sql in (
            f"UPDATE job SET expected_s = {USUAL_S} WHERE run_id = {run_id}",
            f"UPDATE job SET status = 'success', attempts = 1, unmet = 0, queued_at = {at} + id - {ids[0]},"
            f" started_at = {at} + id - {ids[0]}, finished_at = {at} + id - {ids[0]} + 30"
            f" WHERE run_id = {run_id} AND id <= {over[-1]}",
            f"UPDATE job SET unmet = (SELECT count(*) FROM edge WHERE job_id = job.id AND need_id > {over[-1]})"
            f" WHERE run_id = {run_id} AND id > {over[-1]}",
            f"UPDATE run SET status = 'running', started_at = {at}, open_jobs = {len(ids) - len(over)}"
            f" WHERE id = {run_id}",
        ):
            store.database.rows(sql)
    return run_id


def _queue(store: Store, sizes: Sizes) -> None:
    """Record runs of ten jobs each that all wait for a worker, in all repositories by turns."""
    now = datetime.now(UTC).timestamp()
    rows = Rows(store)
    rows.sequence = store.queries.last_sequence()
    run = int(store.database.rows("SELECT max(id) FROM run")[0][0])
    job = int(store.database.rows("SELECT max(id) FROM job")[0][0])
    for _ in range(sizes.queued // PER_RUN):
        run += 1
        repo = run % sizes.repos + 1
        rows.add(
            "run", id=run, number=run, repo_id=repo, event_id=0, workflow_path="q.yml", workflow_name="Queued",
            title="q", definition="", event="push", sha="0" * 40, ref="refs/heads/main", status="queued",
            contexts={}, source={}, created_at=now - 600 + run % 500, open_jobs=PER_RUN, calls={},
        )  # fmt: skip
        for index in range(PER_RUN):
            job += 1
            rows.add(
                "job", id=job, run_id=run, repo_id=repo, key=f"j{index}", name=f"j{index}", status="queued",
                plan=JobPlan(f"j{index}", f"j{index}").to_json(), job_index=0, job_total=1, needs=[],
                expected_s=USUAL_S, created_at=now - 600 + run % 500, queued_at=now - 500,
                remaining_path=60, outputs={},
            )  # fmt: skip
    rows.write()
