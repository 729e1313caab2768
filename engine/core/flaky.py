"""Failures by what they look like, and which of them come and go. Pure."""

import hashlib

from engine.core.log_normal import normal_text
from pipelines.records import dataclass

FLAKY = "flaky"  # in `retry: {on: …}`


@dataclass(frozen=True, slots=True)
class Seen:
    """How often a failure was seen before, and after how many of these the same job passed at the same commit."""

    times: int = 0
    passed: int = 0

    @property
    def known(self) -> bool:
        """Known flaky: at least once the same job passed at the same commit afterwards, in no box that a person had
        hands on. A commit that fails and passes says that the failure is not its own."""
        return self.passed > 0

    @property
    def words(self) -> str:
        return f"{self.passed} of {self.times} passed on retry"


@dataclass(frozen=True, slots=True)
class Symptom:
    """What a failed attempt looks like: the step, its first error, the fingerprint of both, how often it was seen
    before."""

    step: str
    line: str
    fingerprint: str
    seen: Seen = Seen()


def fingerprint(line: str, step: str, exit_code: int | None, kind: str) -> str:
    """Return what two failures share that look alike but for what differs at every run.

    `line` is the first error, `kind` what is blamed: see `Outcome`.
    """
    parts = (normal_text(line), normal_text(step), "" if exit_code is None else str(exit_code), kind)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def symptom(line: str, step: str, exit_code: int | None, kind: str) -> Symptom:
    return Symptom(step, line, fingerprint(line, step, exit_code, kind))
