"""What there is to decide at one moment: frozen facts, read by the store, decided on by engine/core/scheduling.py."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, TypeAlias

from engine.core.states import JobStatus, RunStatus, result_word
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """A finished job that another one waited for."""

    key: str
    status: JobStatus
    tolerated: bool
    outputs: Mapping[str, str]

    @property
    def result(self) -> str:
        return "success" if self.tolerated else result_word(self.status)


Condition: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Callable[..., Any]]], bool]


@dataclass(frozen=True, slots=True)
class Group:
    """A concurrency group as one job or run asks for it: `limit` hold it at once; of those that wait, only the newest
    stays (GitHub's rule) unless `queue_all` keeps them all, in order. Each repository has groups of its own."""

    name: str
    cancel_in_progress: bool = False
    queue_all: bool = False
    limit: int = 1
    repo_id: int = 0

    @property
    def key(self) -> "GroupKey":
        return self.repo_id, self.name


GroupKey: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pending job whose needs are all finished.

    `condition` evaluates its `if:` (None: there is none) on `contexts` plus the status functions that are passed in;
    it may raise ValueError with a sentence. `open` says that its needs have still to settle its matrix, name or group.
    `active_siblings` counts the queued, running and retrying jobs of its matrix. `is_call`: it calls a workflow, and
    needs no worker; `callers` are the jobs that call the workflows that it is of. `gate` is its environment's.
    """

    job_id: int
    run_id: int
    run_cancelled: bool
    ancestry_ok: bool
    ancestry_failed: bool
    condition: Condition | None
    contexts: Mapping[str, Any]
    open: bool = False
    matrix: str = ""
    active_siblings: int = 0
    max_parallel: int | None = None
    group: Group | None = None
    is_call: bool = False
    callers: tuple[int, ...] = ()
    gate: "Gate | None" = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The environment of a candidate that may not just enter it: `refused` says why never, else a person is asked."""

    environment: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """A job that calls a workflow, all of whose jobs are over. `outputs` is None, with a `problem`, when the workflow's
    outputs cannot be worked out; `failed` names the jobs that broke it."""

    job_id: int
    ended: tuple[JobStatus, ...]
    failed: tuple[str, ...]
    cancel_asked: bool
    reason: str
    outputs: Mapping[str, str] | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A job in a concurrency group, or in a matrix that fails fast. `is_run` marks a whole run in a group.

    `reason` is why it was cancelled, if a person or a group asked for this one alone.
    """

    id: int
    status: JobStatus | RunStatus
    is_run: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FailedMatrix:
    """Members that failed for good in a matrix that fails fast, and their siblings that are not finished."""

    failed: tuple[int, ...]
    siblings: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is to decide now.

    `groups` holds, for each concurrency group that a candidate or waiting run asks for, the members that hold it or
    wait in it. `failed_matrices` are those whose siblings have not been told yet. `cancelled` are the unfinished jobs
    of runs that a person cancelled, and jobs cancelled one by one. `sequence` is that of the last transition before
    anything else was read.
    """

    candidates: tuple[Candidate, ...] = ()
    due: tuple[int, ...] = ()
    failed_matrices: tuple[FailedMatrix, ...] = ()
    cancelled: tuple[Member, ...] = ()
    waiting_runs: tuple[tuple[Member, Group], ...] = ()
    groups: Mapping[GroupKey, tuple[Member, ...]] = field(default_factory=dict)
    sequence: int = 0
    ended_calls: tuple[EndedCall, ...] = ()
