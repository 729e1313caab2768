"""The ledger of failures as JSON: what comes and goes, how often, and since when."""

from typing import Any

from engine.core.clock import rfc3339
from engine.core.flaky import Symptom
from engine.store.mending.failures import Entry
from engine.store.store import Store

MOST, USUAL = 500, 100


def flaky_view(store: Store, repo: str | None = None, *, all: bool = False, limit: int = USUAL) -> dict[str, Any]:
    """Return what is known flaky, or `all` failures that are remembered, of one repository or of all.

    - `failures`: [{`fingerprint`, `repo`, `workflow`, `job`, `step`, `line`, `exit_code`, `times`, `passed` (after how
      many of these the same job passed at the same commit), `share`, `known`, `first`: {`sha`, `at`}, `last`: {`sha`,
      `at`, `run`, `job`, `attempt`}}], those first that passed most often; ids are null once their run is gone
    - `more`: there are others
    """
    found = store.failures.ledger(repo, all=all, limit=limit + 1)
    return {"failures": [_entry(one) for one in found[:limit]], "more": len(found) > limit}


def symptom_shape(symptom: Symptom | None) -> dict[str, Any] | None:
    """Return what an attempt's failure looks like, and how often that was seen, itself included."""
    if symptom is None:
        return None
    seen = symptom.seen
    return {
        "fingerprint": symptom.fingerprint,
        "step": symptom.step,
        "line": symptom.line,
        "times": seen.times,
        "passed": seen.passed,
        "known": seen.known,
    }


def _entry(one: Entry) -> dict[str, Any]:
    return {
        "fingerprint": one.fingerprint,
        "repo": one.repo,
        "workflow": one.workflow_path,
        "job": one.job,
        "step": one.step,
        "line": one.line,
        "exit_code": one.exit_code,
        "times": one.seen.times,
        "passed": one.seen.passed,
        "share": round(one.seen.passed / one.seen.times, 4),
        "known": one.seen.known,
        "first": {"sha": one.first_sha, "at": rfc3339(one.first_at)},
        "last": {
            "sha": one.last_sha,
            "at": rfc3339(one.last_at),
            "run": one.run_id,
            "job": one.job_id,
            "attempt": one.attempt,
        },
    }
