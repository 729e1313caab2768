"""Recording what was planned: repositories, events, runs and their jobs."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from statistics import median
from typing import Any

from peewee import fn

from engine.core.paths import remaining_paths
from engine.core.states import JobStatus, RunStatus
from engine.store import durations, transitions
from engine.store.database import Database
from engine.store.tables.events import EventRow, RepoRow
from engine.store.tables.runs import EdgeRow, JobRow, RunRow
from engine.store.transitions import Change
from pipelines.plan import JobPlan, RunPlan
from pipelines.records import dataclass

_LATEST = "SELECT max(number) FROM run WHERE repo_id = ? AND workflow_path = ?"
_INSERT_EDGE = "INSERT INTO edge (job_id, need_id) VALUES (?, ?)"


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is recorded from. `plan` is called with (id, number) inside the write; it must be pure and quick."""

    repo_id: int
    event_id: int
    workflow_path: str
    workflow_name: str
    definition: str
    event: str
    ref: str
    sha: str
    plan: Callable[[int, int], RunPlan]
    contexts: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    secrets: bytes | None = None
    calls: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    blocked: bool = False
    bisect_id: int | None = None


class Runs:
    def __init__(self, database: Database) -> None:
        self._db = database

    def repo(self, name: str, path: str, url: str = "") -> int:
        """Return the id of the repository called `name`, recording it or its new place. `url` bears no password."""
        known = self._db.rows("SELECT id FROM repo WHERE name = ? AND path = ? AND url = ?", (name, path, url))
        if known:  # as nearly always, and it is asked for at every look at a repository
            return int(known[0][0])
        with self._db.write():
            RepoRow.insert(name=name, path=path, url=url).on_conflict(
                conflict_target=[RepoRow.name], preserve=[RepoRow.path, RepoRow.url]
            ).execute()
            return int(RepoRow.get(RepoRow.name == name).id)

    def repo_of(self, run_id: int) -> int:
        """Return the id of a run's repository."""
        return int(RunRow.select(RunRow.repo_id).where(RunRow.id == run_id).scalar())

    def debug(self, run_id: int) -> None:
        """Have the jobs of a run that has not begun run with debug logging."""
        with self._db.write():
            JobRow.update(debug=True).where(JobRow.run_id == run_id).execute()

    def event(
        self, repo_id: int, delivery: str, kind: str, fields: Mapping[str, Any], now: datetime
    ) -> tuple[int, bool]:
        """Record an event so that it survives a power cut; return its id and whether it is new."""
        with self._db.write(durable=True):
            known = EventRow.get_or_none((EventRow.repo_id == repo_id) & (EventRow.delivery == delivery))
            if known is not None:
                return int(known.id), False
            row = EventRow.create(repo_id=repo_id, delivery=delivery, kind=kind, fields=fields, received_at=now)
            return int(row.id), True

    def verdicts(self, event_id: int, verdicts: Mapping[str, str]) -> None:
        """Keep what became of an event: for each workflow, that it ran or which filter said no."""
        with self._db.write():
            EventRow.update(verdicts=verdicts).where(EventRow.id == event_id).execute()

    def create(self, new: NewRun, actor: str, now: datetime) -> int:
        """Record a planned run with all its jobs at once; return its id. Nothing runs yet."""
        with self._db.write(durable=True):
            [(latest,)] = self._db.rows(_LATEST, (new.repo_id, new.workflow_path))
            number = (latest or 0) + 1
            run = RunRow.create(
                number=number, repo_id=new.repo_id, event_id=new.event_id, workflow_path=new.workflow_path,
                workflow_name=new.workflow_name, title="", definition=new.definition, event=new.event, ref=new.ref,
                sha=new.sha, status=RunStatus.PENDING, priority=0, contexts=new.contexts, source=new.source,
                secrets=new.secrets, calls=new.calls, created_at=now, actor=_actor(new, actor),
                bisect_id=new.bisect_id,
            )  # fmt: skip
            plan = new.plan(run.id, number)
            if not plan.jobs:
                raise ValueError("a plan without jobs")
            status = RunStatus.PENDING if plan.concurrency_group else RunStatus.QUEUED
            if new.blocked:
                status = RunStatus.BLOCKED
            planned = {
                "title": plan.title or new.title or new.workflow_name, "priority": plan.priority, "status": status,
                "concurrency_group": plan.concurrency_group, "cancel_in_progress": plan.cancel_in_progress,
                "group_limit": plan.limit, "queue_all": plan.queue_all, "open_jobs": len(plan.jobs),
            }  # fmt: skip
            RunRow.write(planned, "id = ?", (run.id,))
            change = Change("planned", now, actor)
            transitions.record_start("run", run.id, status, change, new.workflow_name)
            self._insert_jobs(run, plan.jobs, change, {}, _times(run, plan.jobs))
        return int(run.id)

    def expand(self, job_id: int, plans: tuple[JobPlan, ...], actor: str, now: datetime) -> None:
        """Replace a dynamic job by what it has become: it is the first itself, the others are added behind it.

        Those are the other cells of its matrix and, if it calls a workflow, the jobs that each cell calls.
        """
        with self._db.write():
            job = JobRow.get_by_id(job_id)
            late = job.plan["dynamic"] or job.plan["concurrency_late"]
            if job.status != JobStatus.PENDING or not late or job.cancel_asked_at is not None:
                return
            run = RunRow.get_by_id(job.run_id)
            urgency = job.priority - plans[0].priority  # what its event, or a person, brought to it
            first, *rest = (replace(plan, priority=plan.priority + urgency) for plan in plans)
            timed: Any = JobRow.select(JobRow.expected_s).where(
                (JobRow.run_id == run.id) & JobRow.expected_s.is_null(False)
            )
            known: list[float] = [seconds for (seconds,) in timed.tuples()]
            unknown_s = median(known) if known else None
            behind_s = _behind_s(job_id, job.parent_id)
            own, *times = _times(run, plans, unknown_s=unknown_s, behind_s=behind_s)
            JobRow.update(**_plan_fields(first), **own).where(JobRow.id == job_id).execute()
            dependents = [edge.job_id for edge in EdgeRow.select().where(EdgeRow.need_id == job_id)]
            needs = [edge.need_id for edge in EdgeRow.select().where(EdgeRow.job_id == job_id)]
            change = Change("planned", now, actor)
            cells = [(plan, its) for plan, its in zip(rest, times, strict=True) if plan.key == first.key]
            called = [(plan, its) for plan, its in zip(rest, times, strict=True) if plan.key != first.key]
            calls = {first.inner_scope: job_id}
            for plan, its in cells:
                ancestry = {"ancestry_ok": job.ancestry_ok, "ancestry_failed": job.ancestry_failed}
                cell_id = self._insert_job(run, plan, change, unmet=0, parent_id=job.parent_id, **ancestry, **its)
                calls[plan.inner_scope] = cell_id
                edges = [(cell_id, need) for need in needs] + [(dependent, cell_id) for dependent in dependents]
                self._db.execute_many(_INSERT_EDGE, edges)
            JobRow.update(unmet=JobRow.unmet + len(cells)).where(JobRow.id.in_(dependents)).execute()
            JobRow.update(unmet=JobRow.unmet + len(cells)).where(JobRow.id == job.parent_id).execute()
            self._insert_jobs(run, [plan for plan, _ in called], change, calls, [its for _, its in called])
            RunRow.update(open_jobs=RunRow.open_jobs + len(rest)).where(RunRow.id == run.id).execute()

    def _insert_jobs(
        self,
        run: RunRow,
        plans: Sequence[JobPlan],
        change: Change,
        calls: dict[str, int],
        times: Sequence[Mapping[str, Any]],
    ) -> None:
        """Insert jobs whose needs are all among them, with their `_times`.

        `calls` are the calls that are there already, by their scope.
        """
        members = Counter(plan.key for plan in plans)
        ids: dict[str, list[int]] = {}
        made: list[tuple[JobPlan, int]] = []
        for plan, its in zip(plans, times, strict=True):
            caller = calls[plan.scope] if plan.scope else None
            unmet = sum(members[key] for key in plan.needs) + (caller is not None)
            job_id = self._insert_job(run, plan, change, unmet=unmet, parent_id=caller, **its)
            made.append((plan, job_id))
            if plan.calls:
                calls[plan.inner_scope] = job_id
            ids.setdefault(plan.key, []).append(job_id)
        edges = ((job_id, need_id) for plan, job_id in made for key in plan.needs for need_id in ids[key])
        self._db.execute_many(_INSERT_EDGE, edges)

    def _insert_job(self, run: RunRow, plan: JobPlan, change: Change, **more: Any) -> int:
        """Insert a job as its plan has it; return its id."""
        retries = plan.retry.max if plan.retry else 0
        job = JobRow.create(
            run_id=run.id,
            repo_id=run.repo_id,
            key=plan.key,
            status=JobStatus.PENDING,
            created_at=run.created_at,
            needs=list(plan.needs),
            max_retries=retries,
            retries_left=retries,
            hold=plan.hold or bool(run.source.get("hold")),
            **_plan_fields(plan),
            **more,
        )
        transitions.record_start("job", run.id, JobStatus.PENDING, change, plan.name, job_id=job.id)
        return int(job.id)


def _times(
    run: RunRow, plans: Sequence[JobPlan], *, unknown_s: float | None = None, behind_s: float = 0.0
) -> list[dict[str, Any]]:
    """Return how long each job is expected to take, and the longest chain that begins with it."""
    known = durations.expected_s(run.repo_id, run.workflow_path, [(plan.name, plan.key) for plan in plans])
    paths = remaining_paths(plans, known, unknown_s=unknown_s, behind_s=behind_s)
    return [{"expected_s": seconds, "remaining_path": path} for seconds, path in zip(known, paths, strict=True)]


def _behind_s(job_id: int, caller_id: int | None) -> float:
    """Return the longest chain that waits for a job, or for the job that calls its workflow."""
    while True:
        behind = JobRow.select(fn.MAX(JobRow.remaining_path)).join(EdgeRow, on=(EdgeRow.job_id == JobRow.id))
        longest = behind.where(EdgeRow.need_id == job_id).scalar()
        if longest is not None or caller_id is None:
            return float(longest or 0)
        job_id, caller_id = caller_id, JobRow.select(JobRow.parent_id).where(JobRow.id == caller_id).scalar()


def _plan_fields(plan: JobPlan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "plan": plan.to_json(),
        "matrix": plan.matrix,
        "job_index": plan.job_index,
        "job_total": plan.job_total,
        "priority": plan.priority,
        "concurrency_group": plan.concurrency_group,
        "is_call": bool(plan.calls),
    }


def _actor(new: NewRun, asked: str) -> str:
    """Return who is behind a run: whom the trigger names, else who asked."""
    github = new.contexts.get("github")
    return str((isinstance(github, Mapping) and github.get("actor")) or asked)
