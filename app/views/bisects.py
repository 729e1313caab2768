"""Searches for the commit that broke a job, as JSON."""

from dataclasses import asdict
from typing import Any

from app.shapes import instant
from engine.control.bisecting.start import Proposal
from engine.core.bisect_records import Bisect, Trial
from engine.core.bisecting import trials
from engine.core.clock import rfc3339


def bisect_view(one: Bisect) -> dict[str, Any]:
    """Return a search:

    - `job`: {`id`, `name`} of the red one, in `run` of `workflow` of `repo`
    - `good`, `bad`: commits; `good_run`, `bad_run`: runs that say so, null where a person does
    - `status` (running, found, failed, cancelled) and `reason`, a sentence once it has ended
    - `commits`: among which the culprit was at first; `left`: is now; `expected`: about how many trials it takes
    - `trials`: [{`sha`, `subject`, `run` and `job` (null: none could be), `verdict` (null while it runs; good, bad,
      skip), `why`, `ordinary` (a run that was there anyway), `again` (to make sure)}]
    - `culprit`: {`sha`, `author`, `email`, `subject`, `at`, `bad_run`, `good_run`, `good_sha`, `confirmed`} or null
    - `suspects`: the commits that are left where nothing more can be tried
    """
    culprit = None if one.culprit is None else asdict(one.culprit)
    if culprit is not None:
        culprit |= {name: culprit[name] or None for name in ("bad_run", "good_run")}
    return {
        "id": one.id,
        "job": {"id": one.job_id, "name": one.job_name},
        "run": one.run_id,
        "repo": one.repo,
        "workflow": one.workflow,
        "good": one.good,
        "bad": one.bad,
        "good_run": one.good_run or None,
        "bad_run": one.bad_run or None,
        "status": str(one.status),
        "reason": one.reason,
        "commits": one.commits,
        "left": one.left,
        "expected": one.expected,
        "trials": [trial_view(trial) for trial in one.trials],
        "culprit": culprit,
        "suspects": list(one.suspects),
        "actor": one.actor,
        "created_at": rfc3339(one.created_at),
        "finished_at": instant(one.finished_at),
    }


def trial_view(trial: Trial) -> dict[str, Any]:
    told = trial.to_json()
    return told | {name: told[name] or None for name in ("run", "job", "verdict")}


def proposal_view(proposal: Proposal) -> dict[str, Any]:
    """Return what a search would be; `trials` is about how many runs it takes, `known` what is known already."""
    return {
        "job": {"id": proposal.job.id, "name": proposal.job.name},
        "run": proposal.job.run_id,
        "good": proposal.range.good,
        "bad": proposal.range.bad,
        "good_run": proposal.good_run or None,
        "bad_run": proposal.bad_run or None,
        "commits": proposal.commits,
        "left": proposal.left,
        "trials": trials(proposal.left),
        "known": [trial_view(trial) for trial in proposal.known],
    }
