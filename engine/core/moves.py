"""What can be decided: the moves of engine/core/scheduling.py, each written only if what it expects still holds."""

from collections.abc import Mapping
from typing import TypeAlias

from engine.core.states import JobStatus, RunStatus
from pipelines.records import dataclass

MATRIX_FULL = "matrix"
GROUP = "group:"


@dataclass(frozen=True, slots=True)
class JobMove:
    """Change a job that is still `expected` by `cause`."""

    job_id: int
    expected: JobStatus
    cause: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunMove:
    run_id: int
    expected: RunStatus
    cause: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Leave a pending job until what it waits for is free; `waits_for` is MATRIX_FULL or GROUP + name.

    Holds only if nothing has ended since the snapshot was read: what would set the job free might be past.
    """

    job_id: int
    waits_for: str


@dataclass(frozen=True, slots=True)
class Expand:
    """Settle a job's matrix, name or group, now that what they depend on is known."""

    job_id: int


@dataclass(frozen=True, slots=True)
class CloseCall:
    """End a job that called a workflow, unless some of that is to run again."""

    job_id: int
    cause: str
    reason: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AskCancel:
    """Wish that a running job, or a whole run, ends."""

    id: int
    is_run: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """Note that the siblings of a failed matrix member know of it; what is retried later is not theirs to end."""

    job_id: int


Move: TypeAlias = JobMove | RunMove | Wait | Expand | CloseCall | AskCancel | Told
