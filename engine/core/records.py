"""What travels between the store and everybody else: frozen facts, no behaviour that acts."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from engine.core.states import AttemptStatus, JobStatus, RunStatus, StepStatus
from pipelines.plan import JobPlan, own_key
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a workflow. `number` counts from 1 per workflow; `repo` is the repository's name.

    `actor` is whoever pushed, opened or asked. A `pinned` run is kept whatever its age. `expected_finish_at` and the
    jobs that its end waits for (`critical`, by id) are there where a forecast was asked for, and somebody knows.
    """

    id: int
    number: int
    repo: str
    workflow_path: str
    workflow_name: str
    title: str
    event: str
    ref: str
    sha: str
    status: RunStatus
    priority: int
    attempt: int
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reason: str = ""
    cancel_asked_at: datetime | None = None
    concurrency_group: str | None = None
    actor: str = ""
    pinned: bool = False
    bisect_id: int | None = None  # of the search that it is a trial of
    expected_finish_at: datetime | None = None
    critical: tuple[int, ...] = ()
    held: bool = False
    patched: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a run, the same id through all its attempts. `needs` are the job keys it waits for.

    `name` is the display name, unique within the run; `key` the job's id in the workflow file, shared by a matrix; of a
    called workflow's job behind that of the job that calls it, `deploy/build`.
    `retry_count` counts retries begun; `attempts` the attempts begun, lost ones included.
    `hold`: a step that fails it for good leaves its box to a person, until `held_until` once it has. It is `patched` if
    its latest attempt went on in a box that a person had hands on.
    `parent_id` is the job that calls the workflow it is of; one with `is_call` calls one itself, and has no attempts.
    `expected_s` is how long its last green attempts took, when it was planned; when it is expected to start and to end,
    and how many times the usual its attempt has taken (`slower`) that began at `attempt_started_at`, are there where a
    forecast was asked for, and somebody knows.
    """

    id: int
    run_id: int
    key: str
    name: str
    status: JobStatus
    matrix: Mapping[str, Any] | None
    job_index: int
    job_total: int
    needs: tuple[str, ...]
    priority: int
    retry_count: int
    max_retries: int
    attempts: int
    created_at: datetime
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    next_attempt_at: datetime | None = None
    deadline_at: datetime | None = None
    cancel_asked_at: datetime | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    tolerated: bool = False
    parent_id: int | None = None
    is_call: bool = False
    environment: str = ""
    environment_url: str = ""
    approved_by: str = ""
    debug: bool = False
    expected_s: float | None = None
    expected_start_at: datetime | None = None
    expected_finish_at: datetime | None = None
    slower: float | None = None
    attempt_started_at: datetime | None = None
    hold: bool = False
    held_until: datetime | None = None
    patched: bool = False

    @property
    def own_key(self) -> str:
        """Its id in its own workflow file."""
        return own_key(self.key)


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A job with what its run was planned from: all that deciding about it or running it needs.

    `trigger` holds the github, inputs and vars contexts as its workflow sees them, `source` how to get its files
    (see engine/control/planning.py), `secrets` the run's sealed secrets, `definition` the digest of its workflow,
    `plan` the job as it was planned. `calls` is what the run calls by address, `caller` the job that calls its
    workflow.
    """

    job: Job
    run: Run
    definition: str
    trigger: Mapping[str, Any]
    source: Mapping[str, Any]
    secrets: bytes | None
    plan: JobPlan
    calls: Mapping[str, Any] = field(default_factory=dict)
    caller: "JobFacts | None" = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One numbered try of a job. `token` proves the lease; whoever lacks it cannot finish the attempt.

    `kind` says what a failure is blamed on: failure (the user's own code), timed_out, oom, infrastructure, unavailable.
    `box_executor` and `box_image` are those that its box was made with, which the configuration may have left since.
    `began_at` is where it began, if not at its first step (see engine/core/beginning.py); it is `patched` if it went on
    in a box that a person had hands on.
    """

    id: int
    job_id: int
    number: int
    worker: str
    token: str
    status: AttemptStatus
    started_at: datetime
    lease_expires_at: datetime
    finished_at: datetime | None = None
    exit_code: int | None = None
    kind: str = ""
    reason: str = ""
    box_id: str = ""
    queued_at: datetime | None = None
    began_at: Mapping[str, Any] | None = None
    patched: bool = False
    box_attempt_id: int | None = None
    box_number: int | None = None
    box_executor: str = ""
    box_image: str = ""

    @property
    def maker(self) -> tuple[int, int]:
        """Number and id of the attempt of this job that made its box: that gave it its name and its folder."""
        return self.box_number or self.number, self.box_attempt_id or self.id


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one attempt. `outcome` is before, `conclusion` after continue-on-error; log bounds in bytes."""

    attempt_id: int
    index: int
    name: str
    status: StepStatus
    outcome: str = ""
    conclusion: str = ""
    exit_code: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    log_start: int | None = None
    log_end: int | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one status, as it was written: `sequence` orders all of them and never repeats."""

    sequence: int
    noun: str  # run, job, attempt, step
    run_id: int
    job_id: int | None
    attempt: int | None
    step: int | None
    name: str
    from_status: str
    to_status: str
    cause: str
    reason: str
    actor: str
    at: datetime
    exit_code: int | None = None
