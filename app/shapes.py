"""How records read as JSON: one shape for the command line, the API and the stream. Only facts, no decisions.

The way from the store to JSON is one: a record becomes JSON here; what has to ask a store, or puts records together, is
a function of `app/views`. The handlers of `app/server` and the home's side of the command line call these and shape
nothing themselves, so both tell the same; only what HTTP alone has (where a log's lines are, health, metrics) is put
together in its handler.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.core.clock import rfc3339
from engine.core.records import Attempt, Job, Run, Step, Transition

if TYPE_CHECKING:  # commands that only list runs do without what the store is made of
    from engine.store.contents.checkpoints import Checkpoint
    from engine.store.contents.manifest import Artifact
    from engine.store.inbox import InboxEvent
    from engine.store.tokens import Token


def run_shape(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "number": run.number,
        "repo": run.repo,
        "workflow": run.workflow_name,
        "workflow_path": run.workflow_path,
        "title": run.title,
        "actor": run.actor,
        "event": run.event,
        "ref": run.ref,
        "sha": run.sha,
        "status": str(run.status),
        "reason": run.reason,
        "priority": run.priority,
        "attempt": run.attempt,
        "created_at": rfc3339(run.created_at),
        "started_at": instant(run.started_at),
        "finished_at": instant(run.finished_at),
        "cancel_asked_at": instant(run.cancel_asked_at),
        "pinned": run.pinned,
        "held": run.held,
        "patched": run.patched,
        "expected_finish_at": instant(run.expected_finish_at),
        "critical": list(run.critical),
        "bisect": run.bisect_id,
    }


def rerun_shape(made: Run, like: Run) -> dict[str, Any]:
    """A run that was made of another one with other inputs, and that as a sentence."""
    done = f"Run {made.id} (#{made.number}) is planned with these inputs, like run {like.id}."
    return run_shape(made) | {"kind": "run", "done": done}


def job_shape(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "run": job.run_id,
        "key": job.key,
        "name": job.name,
        "status": str(job.status),
        "reason": job.reason,
        "matrix": None if job.matrix is None else dict(job.matrix),
        "needs": list(job.needs),
        "priority": job.priority,
        "attempts": job.attempts,
        "retry_count": job.retry_count,
        "max_retries": job.max_retries,
        "outputs": dict(job.outputs),
        "created_at": rfc3339(job.created_at),
        "queued_at": instant(job.queued_at),
        "started_at": instant(job.started_at),
        "finished_at": instant(job.finished_at),
        "next_attempt_at": instant(job.next_attempt_at),
        "deadline_at": instant(job.deadline_at),
        "cancel_asked_at": instant(job.cancel_asked_at),
        "tolerated": job.tolerated,
        "caller": job.parent_id,
        "calls": job.is_call,
        "environment": {"name": job.environment, "url": job.environment_url or None} if job.environment else None,
        "approved_by": job.approved_by or None,
        "debug": job.debug,
        "hold": job.hold,
        "held_until": instant(job.held_until),
        "patched": job.patched,
        "expected_s": job.expected_s,
        "expected_start_at": instant(job.expected_start_at),
        "expected_finish_at": instant(job.expected_finish_at),
        "slower": None if job.slower is None else round(job.slower, 1),
        "attempt_started_at": instant(job.attempt_started_at),
    }


def attempt_shape(attempt: Attempt) -> dict[str, Any]:
    """The lease's token stays inside: whoever knows it could finish the attempt."""
    return {
        "id": attempt.id,
        "number": attempt.number,
        "worker": attempt.worker,
        "status": str(attempt.status),
        "exit_code": attempt.exit_code,
        "kind": attempt.kind,
        "reason": attempt.reason,
        "patched": attempt.patched,
        "began_at": dict(attempt.began_at) if attempt.began_at else None,
        "queued_at": instant(attempt.queued_at),
        "started_at": rfc3339(attempt.started_at),
        "finished_at": instant(attempt.finished_at),
    }


def checkpoint_shape(found: "Checkpoint") -> dict[str, Any]:
    """A checkpoint without what is in it. `begin_at` is the step that a retry from it begins at."""
    return {
        "step": found.step,
        "begin_at": found.step + 1,
        "attempt": found.attempt,
        "size_bytes": found.size_bytes,
        "at": rfc3339(found.at),
    }


def step_shape(step: Step) -> dict[str, Any]:
    return {
        "index": step.index,
        "name": step.name,
        "status": str(step.status),
        "outcome": step.outcome,
        "conclusion": step.conclusion,
        "exit_code": step.exit_code,
        "started_at": instant(step.started_at),
        "finished_at": instant(step.finished_at),
    }


def transition_shape(change: Transition) -> dict[str, Any]:
    """One change of one status: what the stream sends and a timeline lists. What it is not about is left out."""
    told = {
        "type": change.noun,
        "run": change.run_id,
        "job": change.job_id,
        "attempt": change.attempt,
        "step": change.step,
        "name": change.name,
        "from": change.from_status,
        "status": change.to_status,
        "cause": change.cause,
        "reason": change.reason,
        "actor": change.actor,
        "exit_code": change.exit_code,
        "at": rfc3339(change.at),
    }
    return {name: value for name, value in told.items() if value is not None}


def artifact_shape(artifact: "Artifact") -> dict[str, Any]:
    return {
        "id": artifact.id,
        "run": artifact.run_id,
        "job": artifact.job_id,
        "attempt": artifact.attempt,
        "name": artifact.name,
        "size_bytes": artifact.size_bytes,
        "digest": artifact.digest,
        "files": len(artifact.files),
        "created_at": rfc3339(artifact.created_at),
        "retention_days": artifact.retention_days,
        "damaged": artifact.damage or None,
    }


def event_shape(event: "InboxEvent") -> dict[str, Any]:
    """An event without its payload."""
    return {
        "id": event.id,
        "repo": event.repo,
        "delivery": event.delivery,
        "kind": event.kind,
        "source": event.source,
        "status": event.status,
        "verdicts": dict(event.verdicts),
        "problem": event.problem,
        "tries": event.tries,
        "next_try_at": instant(event.next_try_at),
        "received_at": rfc3339(event.received_at),
        "planned_at": instant(event.planned_at),
    }


def made_token_shape(token: "Token", text: str) -> dict[str, Any]:
    """A token with itself, which is told this once."""
    return {"token": text, "id": token.id, "name": token.name, "scope": token.scope}


def token_shape(token: "Token") -> dict[str, Any]:
    """A token without itself."""
    return {
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "created_at": rfc3339(token.created_at),
        "used_at": instant(token.used_at),
    }


def instant(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
