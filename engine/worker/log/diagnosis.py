"""What a failed attempt looks like, read off its log while it is still there to be read."""

from dataclasses import replace
from pathlib import Path

from engine.core.errors import EngineError
from engine.core.first_error import first_error
from engine.core.flaky import symptom
from engine.core.records import Step
from engine.core.retry import Outcome
from engine.core.states import StepStatus
from engine.store.logs.reader import LogReader
from engine.store.queue import Lease
from engine.store.store import Store

TAIL_BYTES = 4 << 20  # of a step: what went wrong seldom stands further from its end


def diagnosed(store: Store, lease: Lease, log_path: Path, outcome: Outcome) -> Outcome:
    """Return the outcome of a failed attempt with its symptom, and how often that was seen before; others unchanged.

    What became of its steps has to be in the store, and what they printed in the log.
    """
    if outcome.cause not in ("failed", "overran") or outcome.symptom is not None:
        return outcome
    step = _to_blame(store.queries.steps(lease.attempt_id))
    line = first_error(_tail(log_path, step), outcome.reason) if step is not None else ""
    found = symptom(line or outcome.reason, "" if step is None else step.name, outcome.exit_code, outcome.kind)
    return replace(outcome, symptom=replace(found, seen=store.failures.seen(lease.job_id, found.fingerprint)))


def _to_blame(steps: list[Step]) -> Step | None:
    """Return the first step whose failure counts, else the one that was running when time was up."""
    failed = (one for one in steps if one.conclusion == "failure")
    return next(failed, next((one for one in steps if one.status == StepStatus.RUNNING), None))


def _tail(log_path: Path, step: Step) -> bytes:
    try:
        with LogReader(log_path) as reader:
            start, end = reader.step_range(step.index)
            return reader.read(max(start, end - TAIL_BYTES), end)
    except (EngineError, OSError):
        return b""  # it printed nothing
