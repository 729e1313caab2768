"""How the promises of `slo:` were kept over time: a window in equal pieces, oldest first. Pure."""

from datetime import datetime
from math import floor
from typing import Any

from engine.core.clock import rfc3339
from engine.core.slo import TRIGGER_SHARE, WINDOWS, Spread, rounded, share
from pipelines.records import dataclass

BUCKET_S = {"1h": 60.0, "24h": 1200.0, "7d": 7200.0}
"""How long a piece of each window is; pieces begin at whole multiples of it, so that they stay when time goes on."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What happened in one piece of time: how long triggers took, and how jobs ended."""

    at: datetime
    trigger: Spread
    succeeded: int
    failed_by_code: int
    failed_by_system: int

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed_by_code + self.failed_by_system

    def as_json(self) -> dict[str, Any]:
        ended = self.ended
        return {
            "at": rfc3339(self.at),
            "trigger_s": self.trigger.as_json(),
            "completion": {
                "jobs": ended,
                "succeeded": self.succeeded,
                "failed_by_code": self.failed_by_code,
                "failed_by_system": self.failed_by_system,
                "rate": rounded(share(self.succeeded, ended)),
                "system_rate": rounded(share(ended - self.failed_by_system, ended)),
            },
        }


@dataclass(frozen=True, slots=True)
class SloHistory:
    """One window against the targets. The last bucket is the one that `at` is in, so it is not over yet."""

    window: str
    at: datetime
    trigger_s: float
    completion: float
    buckets: tuple[Bucket, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "window": self.window,
            "at": rfc3339(self.at),
            "bucket_s": BUCKET_S[self.window],
            "targets": {"trigger_s": self.trigger_s, "trigger_share": TRIGGER_SHARE, "completion": self.completion},
            "buckets": [bucket.as_json() for bucket in self.buckets],
        }


def places(window: str, now: datetime) -> range:
    """Return the numbers of a window's buckets up to `now`: bucket n is from n * BUCKET_S on, since the epoch."""
    size_s = BUCKET_S[window]
    last = place_of(window, now.timestamp())
    return range(last + 1 - round(WINDOWS[window] / size_s), last + 1)


def place_of(window: str, at_s: float) -> int:
    """Return the number of the bucket that an instant, in seconds since the epoch, is in."""
    return floor(at_s / BUCKET_S[window])
