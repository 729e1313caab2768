"""A clock that a test sets, and a home with its control plane but without workers: the test is the worker."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.bus import Bus
from engine.control.called_workflows import Text, finder
from engine.control.planning import refuse_what_cannot_run
from engine.control.scheduler import Scheduler
from engine.control.watchdog import Watchdog
from engine.core.records import Job
from engine.core.retry import Outcome
from engine.core.states import JobStatus
from engine.store.definitions import pinned
from engine.store.queue import Lease
from engine.store.runs import NewRun
from engine.store.store import Store, open_store
from pipelines.plan import JobPlan, RunPlan, plan_run

START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
GRACE_S = 10.0
FAILURE = Outcome("failed", "failure", 1, "exit code 1")
LOST = Outcome("lost", "infrastructure", reason="its engine went away")


class FakeClock:
    """Stands still until a test moves it. Safe from any thread."""

    def __init__(self, at: datetime = START) -> None:
        self._lock = threading.Lock()
        self._at = at

    def now(self) -> datetime:
        with self._lock:
            return self._at

    def monotonic_s(self) -> float:
        return (self.now() - START).total_seconds()

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._at += timedelta(seconds=seconds)


class Lab:
    """A real store with scheduler and watchdog on a fake clock. Runs are planned from workflow texts or from plans."""

    def __init__(self, home: Path) -> None:
        self.clock = FakeClock()
        self.bus = Bus()
        self.store: Store = open_store(home, create=True)
        self.scheduler = Scheduler(self.store, self.bus, self.clock)
        self.watchdog = Watchdog(self.store, self.bus, self.clock, GRACE_S)

    def run(
        self,
        text: str,
        repo: str = "team/site",
        *,
        tick: bool = True,
        files: Mapping[str, str] | None = None,
        **new: Any,
    ) -> int:
        """Record a run of a workflow file; `jobs:` and below is enough of one. `files` are those that it calls."""
        if "on:" not in text.splitlines()[0]:
            text = f"on: push\n{text}"
        digest, workflow = self.store.definitions.keep(".github/workflows/ci.yml", text, "")
        contexts = {"github": {"event_name": "push", "ref": "refs/heads/main", "event": {}}, "inputs": {}, "vars": {}}
        bytes_of = {path: called.encode() for path, called in (files or {}).items()}.get
        find = finder(self.store, bytes_of, "", lambda ref: Text("", None))
        calls = refuse_what_cannot_run(workflow, bytes_of, find=find)
        plan = plan_run(workflow, contexts, calls=calls)
        return self.record(plan, repo, tick=tick, definition=digest, contexts=contexts, calls=pinned(calls), **new)

    def plan(self, *jobs: JobPlan, repo: str = "team/site", **run: Any) -> int:
        """Record a run of ready plans, for what needs no scheduler."""
        whole = {"title": "", "concurrency_group": None, "cancel_in_progress": False, "queue_all": False, "limit": 1}
        return self.record(RunPlan(**{**whole, "priority": 0, "jobs": jobs, **run}), repo, tick=False, definition="")

    def record(self, plan: RunPlan, /, repo: str, *, tick: bool, definition: str, **new: Any) -> int:
        now = self.clock.now()
        repo_id = self.store.runs.repo(repo, "/srv/site")
        values: dict[str, Any] = {
            "repo_id": repo_id, "event_id": 1, "workflow_path": ".github/workflows/ci.yml", "workflow_name": "CI",
            "definition": definition, "event": "push", "ref": "refs/heads/main", "sha": "1" * 40,
            "plan": lambda run_id, number: plan,
        }  # fmt: skip
        run_id = self.store.runs.create(NewRun(**{**values, **new}), "ada", now)
        if tick:
            self.scheduler.tick()
        return run_id

    def tick(self) -> None:
        self.scheduler.tick()
        self.watchdog.tick()
        self.scheduler.tick()

    def claim(self, worker: str = "w1") -> Lease | None:
        return self.store.queue.claim(worker, self.clock.now())

    def start(self, worker: str = "w1") -> Lease:
        lease = self.claim(worker)
        assert lease is not None, "nothing is queued"
        return lease

    def finish(
        self,
        lease: Lease,
        outcome: Outcome = Outcome("succeeded", exit_code=0),  # noqa: B008
        outputs: Mapping[str, str] | None = None,
        *,
        tolerated: bool = False,
    ) -> JobStatus:
        """End an attempt and decide what follows."""
        now = self.clock.now()
        status = self.store.queue.finish(lease, outcome, now, outputs=outputs or {}, tolerated=tolerated)
        self.scheduler.tick()
        return status

    def fail(self, lease: Lease) -> JobStatus:
        return self.finish(lease, FAILURE)

    def work(self, outcomes: Mapping[str, Outcome] | None = None) -> list[str]:
        """Run everything that can run, one job after the other; return their names in order."""
        done = []
        while lease := self.claim():
            name = self.job(lease.job_id).name
            done.append(name)
            self.finish(lease, (outcomes or {}).get(name, Outcome("succeeded", exit_code=0)))
        return done

    def cancel(self, run_id: int) -> bool:
        done = self.store.wishes.ask_cancel(run_id, None, "cancelled by ada", "ada", self.clock.now())
        self.scheduler.tick()
        return done

    def cancel_job(self, job_id: int) -> bool:
        done = self.store.wishes.ask_cancel(None, job_id, "cancelled by ada", "ada", self.clock.now())
        self.scheduler.tick()
        return done

    def retry(self, run_id: int, *names: str) -> list[str]:
        """Ask for these jobs again; return the names of those that start over."""
        ids = [self.named(run_id, name).id for name in names]
        again = self.store.wishes.ask_retry(run_id, ids, "asked by ada", "ada", self.clock.now())
        self.scheduler.tick()
        return [self.job(job_id).name for job_id in again]

    def job(self, job_id: int) -> Job:
        job = self.store.queries.job(job_id)
        assert job is not None
        return job

    def named(self, run_id: int, name: str) -> Job:
        return next(job for job in self.store.queries.jobs(run_id) if job.name == name)

    def statuses(self, run_id: int) -> dict[str, str]:
        return {job.name: str(job.status) for job in self.store.queries.jobs(run_id)}

    def status(self, run_id: int) -> str:
        run = self.store.queries.run(run_id)
        assert run is not None
        return str(run.status)

    def reason(self, run_id: int, name: str) -> str:
        return self.named(run_id, name).reason

    def close(self) -> None:
        self.store.close()


def jobs(**needs: str) -> str:
    """Return the text of a workflow: a job for each name, with its needs and more keys as flow YAML, `a: needs: b`."""
    lines = ["jobs:"]
    for key, more in needs.items():
        extra = f", {more}" if more else ""
        lines.append(f"  {key}: {{runs-on: x, steps: [{{run: 'true'}}]{extra}}}")
    return "\n".join(lines)
