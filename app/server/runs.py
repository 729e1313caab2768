"""Runs and jobs as the API tells of them."""

from typing import Any

from aiohttp import web

from app.server.answers import Refusal, tell
from app.server.desk import Call, Desk
from app.server.route import API, ID, PAGING, Param, Route
from app.shapes import artifact_shape, attempt_shape, job_shape, run_shape, step_shape, transition_shape
from app.views.flaky import symptom_shape
from engine.core.records import Attempt, Job, Run, Transition
from engine.core.states import RunStatus
from engine.store import remarks
from engine.store.queries import Queries
from engine.store.whole_run import WholeRun

PAGE, MOST = 50, 500


async def list_runs(call: Call) -> web.StreamResponse:
    """Runs, newest first. `sequence` is where a stream has to begin to miss nothing that comes after this answer."""
    query = {name: call.query.get(name) for name in ("repo", "branch", "status", "before", "workflow")}
    limit = min(call.query.get("limit", PAGE), MOST)

    def look() -> dict[str, Any]:
        queries = call.desk.store.queries
        sequence = queries.last_sequence()  # first: what happens meanwhile is then told twice rather than never
        runs = call.desk.foreteller.runs(queries.runs(**query, limit=limit))
        return {"runs": [run_shape(run) for run in runs], "sequence": sequence}

    return await tell(call, look)


async def show_run(call: Call) -> web.StreamResponse:
    """A run with its jobs, in the order of the workflow file."""

    def look() -> dict[str, Any]:
        sequence = call.desk.store.queries.last_sequence()
        run = call.desk.foreteller.run(find_run(call.desk, call.ident))
        jobs = [job_shape(job) for job in call.desk.foreteller.jobs(call.desk.store.queries.jobs(run.id))]
        return run_shape(run) | {"jobs": jobs, "sequence": sequence}

    return await tell(call, look)


async def list_attempts(call: Call) -> web.StreamResponse:
    """Every attempt of a run's jobs, by job, then number; when each was queued, so that its waiting can be drawn.

    With `steps` each bears its `steps`, `annotations` and `summaries`, as a job's own page does.
    """

    def look() -> dict[str, Any]:
        run = find_run(call.desk, call.ident)
        attempts = call.desk.store.queries.run_attempts(run.id)
        whole = WholeRun(run.id, attempts) if call.query.get("steps") else None
        return {
            "attempts": [
                {"job": one.job_id} | attempt_shape(one) | ({} if whole is None else _reports(whole, one))
                for one in attempts
            ]
        }

    return await tell(call, look)


async def show_job(call: Call) -> web.StreamResponse:
    """A job with its attempts and their steps."""

    def look() -> dict[str, Any]:
        sequence = call.desk.store.queries.last_sequence()
        [job] = call.desk.foreteller.jobs([find_job(call.desk, call.ident)])
        return job_shape(job) | {"attempts_made": _attempts(call.desk, job), "sequence": sequence}

    return await tell(call, look)


async def timeline(call: Call) -> web.StreamResponse:
    """Everything that happened to a job: every attempt with its own times, every transition."""

    def look() -> dict[str, Any]:
        job = find_job(call.desk, call.ident)
        changes: list[Transition] = []
        while page := call.desk.store.queries.transitions(changes[-1].sequence if changes else 0, job_id=job.id):
            changes += page
        return {
            "job": job_shape(job),
            "attempts": _attempts(call.desk, job),
            "transitions": [{"sequence": one.sequence} | transition_shape(one) for one in changes],
        }

    return await tell(call, look)


async def list_annotations(call: Call) -> web.StreamResponse:
    """What the latest attempts of a run's jobs found, by job: the first thousand."""

    def look() -> dict[str, Any]:
        return {"annotations": remarks.run_annotations(find_run(call.desk, call.ident).id)}

    return await tell(call, look)


async def list_summaries(call: Call) -> web.StreamResponse:
    """What the steps of the latest attempts of a run's jobs sum up, by job: the first 200."""

    def look() -> dict[str, Any]:
        return {"summaries": remarks.run_summaries(find_run(call.desk, call.ident).id)}

    return await tell(call, look)


async def list_artifacts(call: Call) -> web.StreamResponse:
    """A run's artifacts, by name."""

    def look() -> dict[str, Any]:
        run = find_run(call.desk, call.ident)
        return {"artifacts": [artifact_shape(artifact) for artifact in call.desk.artifacts.list(run.id)]}

    return await tell(call, look)


def find_run(desk: Desk, run_id: int) -> Run:
    """Return a run. Raises Refusal (404)."""
    run = desk.store.queries.run(run_id)
    if run is None:
        raise Refusal(404, f"There is no run {run_id}.")
    return run


def find_job(desk: Desk, job_id: int) -> Job:
    """Return a job. Raises Refusal (404)."""
    job = desk.store.queries.job(job_id)
    if job is None:
        raise Refusal(404, f"There is no job {job_id}.")
    return job


def _attempts(desk: Desk, job: Job) -> list[dict[str, Any]]:
    queries, symptoms = desk.store.queries, desk.store.failures.of_job(job.id)
    return [
        attempt_shape(attempt) | {"failure": symptom_shape(symptoms.get(attempt.id))} | _reports(queries, attempt)
        for attempt in queries.attempts(job.id)
    ]


def _reports(queries: Queries | WholeRun, attempt: Attempt) -> dict[str, Any]:
    return {
        "steps": [step_shape(step) for step in queries.steps(attempt.id)],
        "annotations": queries.annotations(attempt.id),
        "summaries": queries.summaries(attempt.id),
    }


ROUTES = (
    Route(
        "GET", f"{API}/runs", list_runs, "runs, newest first",
        query=(
            Param("repo", "string", "only of this repository"),
            Param("branch", "string", "only of this branch, or ref"),
            Param("workflow", "string", "only of this workflow: a file or a name"),
            Param("status", "string", "only with this status", words=tuple(map(str, RunStatus))),
            *PAGING,
        ),
    ),
    Route("GET", f"{API}/runs/{ID}", show_run, "a run with its jobs"),
    Route(
        "GET", f"{API}/runs/{ID}/attempts", list_attempts, "every attempt of a run's jobs",
        query=(Param("steps", "flag", "each with its steps, annotations and summaries"),),
    ),
    Route(
        "GET", f"{API}/runs/{ID}/annotations", list_annotations, "errors, warnings and notices of a run's steps"
    ),
    Route("GET", f"{API}/runs/{ID}/summaries", list_summaries, "summaries (Markdown) that a run's steps wrote"),
    Route("GET", f"{API}/runs/{ID}/artifacts", list_artifacts, "a run's artifacts"),
    Route("GET", f"{API}/jobs/{ID}", show_job, "a job with its attempts"),
    Route("GET", f"{API}/jobs/{ID}/timeline", timeline, "everything that happened to a job"),
)  # fmt: skip
