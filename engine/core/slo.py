"""How well the promises of `slo:` are kept: percentiles, shares, the error budget that is left. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Any

from engine.core.clock import rfc3339
from pipelines.records import dataclass

WINDOWS = {"1h": 3600.0, "24h": 86_400.0, "7d": 604_800.0}
TRIGGER_SHARE = 0.95
"""The share of events whose first job has to start within `slo.trigger`: the promise is one on the p95."""
QUANTILES = (0.5, 0.95, 0.99)
CODE, SYSTEM = "code", "system"
SYSTEM_KINDS = frozenset({"infrastructure", "unavailable"})
"""Kinds of failure (see `Outcome`) that say nothing of the workflow's own code."""


def blame(kind: str) -> str:
    """Say whose fault an ended attempt's failure is: the workflow's own code, or the system that ran it."""
    return SYSTEM if kind in SYSTEM_KINDS else CODE


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took: the nearest-rank percentiles in seconds, None when it never happened."""

    count: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {"count": self.count, "p50": rounded(self.p50), "p95": rounded(self.p95), "p99": rounded(self.p99)}


def spread(seconds: Iterable[float]) -> Spread:
    ordered = sorted(seconds)
    if not ordered:
        return Spread(0)
    return Spread(len(ordered), *(ordered[ceil(quantile * len(ordered)) - 1] for quantile in QUANTILES))


def budget_left(good: int, total: int, target: float) -> float | None:
    """Return the share of the failures allowed by `target` that have not happened; negative when overdrawn.

    None when nothing happened. A target of 1 allows none: the first failure overdraws it whole.
    """
    if total == 0:
        return None
    allowed, bad = (1 - target) * total, total - good
    if bad == 0:
        return 1.0
    return 1 - bad / allowed if allowed > 0 else -1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What the store knows of one window: seconds of each trigger and each wait, and how jobs ended.

    `failed` counts, by whom to blame (code, system), jobs that ended in no success. Cancelled and skipped jobs, and
    failures that the workflow allows (`continue-on-error`), count neither way.
    """

    triggers_s: Sequence[float]
    waits_s: Sequence[float]
    succeeded: int
    failed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Window:
    """The promises held against one window of time."""

    name: str
    trigger: Spread
    trigger_in_time: int
    queue_wait: Spread
    succeeded: int
    failed_by_code: int
    failed_by_system: int

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed_by_code + self.failed_by_system

    @property
    def trigger_met(self) -> float | None:
        """The share of events whose first job started in time."""
        return share(self.trigger_in_time, self.trigger.count)

    @property
    def completion(self) -> float | None:
        """The share of ended jobs that ended in success, retries included."""
        return share(self.succeeded, self.ended)

    @property
    def system_completion(self) -> float | None:
        """The same if the workflows' own code had never failed: what the machine is to blame for."""
        return share(self.ended - self.failed_by_system, self.ended)


def window(name: str, measured: Measured, trigger_s: float) -> Window:
    return Window(
        name=name,
        trigger=spread(measured.triggers_s),
        trigger_in_time=sum(seconds <= trigger_s for seconds in measured.triggers_s),
        queue_wait=spread(measured.waits_s),
        succeeded=measured.succeeded,
        failed_by_code=measured.failed.get(CODE, 0),
        failed_by_system=measured.failed.get(SYSTEM, 0),
    )


@dataclass(frozen=True, slots=True)
class SloReport:
    """All windows against the targets: `trigger_s` seconds for TRIGGER_SHARE of the events, `completion` a share."""

    at: datetime
    trigger_s: float
    completion: float
    windows: tuple[Window, ...]

    def trigger_budget(self, one: Window) -> float | None:
        return budget_left(one.trigger_in_time, one.trigger.count, TRIGGER_SHARE)

    def completion_budget(self, one: Window) -> float | None:
        return budget_left(one.succeeded, one.ended, self.completion)

    def as_json(self) -> dict[str, Any]:
        return {
            "at": rfc3339(self.at),
            "targets": {"trigger_s": self.trigger_s, "trigger_share": TRIGGER_SHARE, "completion": self.completion},
            "windows": {one.name: self._window_json(one) for one in self.windows},
        }

    def _window_json(self, one: Window) -> dict[str, Any]:
        return {
            "trigger_s": {
                **one.trigger.as_json(),
                "in_time": rounded(one.trigger_met),
                "budget_left": rounded(self.trigger_budget(one)),
            },
            "queue_wait_s": one.queue_wait.as_json(),
            "completion": {
                "jobs": one.ended,
                "succeeded": one.succeeded,
                "failed_by_code": one.failed_by_code,
                "failed_by_system": one.failed_by_system,
                "rate": rounded(one.completion),
                "system_rate": rounded(one.system_completion),
                "budget_left": rounded(self.completion_budget(one)),
            },
        }


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
