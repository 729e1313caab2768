"""Runs and jobs of an engine elsewhere, as the same records that a home gives.

What the API keeps to itself (leases and their tokens, paths on that machine) is empty in these records.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from app.cli.asked import translated
from app.cli.remote.records import attempt_of, job_of, run_of, step_of
from app.client import ApiError, Client, Query
from engine.core.records import Attempt, Job, Run, Step

PAGE = 500
Record = TypeVar("Record")


class RemoteQueries:
    """The questions of `Queries` that commands ask, answered by the API."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told: dict[int, Mapping[str, Any]] = {}  # attempt id: what the API said of it

    def runs(
        self,
        repo: str | None = None,
        branch: str | None = None,
        status: str | None = None,
        before: int | None = None,
        limit: int = 20,
    ) -> list[Run]:
        runs: list[Run] = []
        while len(runs) < limit:
            size = min(PAGE, limit - len(runs))
            query = {"repo": repo, "branch": branch, "status": status, "before": before, "limit": size}
            with translated(self._client):
                page = [run_of(told) for told in self._client.get("/runs", query)["runs"]]
            runs += page
            if len(page) < size:
                break
            before = page[-1].id
        return runs

    def run(self, run_id: int) -> Run | None:
        return self._one(f"/runs/{run_id}", run_of)

    def jobs(self, run_id: int) -> list[Job]:
        return self._one(f"/runs/{run_id}", lambda told: [job_of(job) for job in told["jobs"]]) or []

    def job(self, job_id: int) -> Job | None:
        return self._one(f"/jobs/{job_id}", job_of)

    def attempts(self, job_id: int) -> list[Attempt]:
        told = self._one(f"/jobs/{job_id}", lambda told: told["attempts_made"]) or []
        self._told.update((one["id"], one) for one in told)
        return [attempt_of(job_id, one) for one in told]

    def run_with_jobs(self, run_id: int) -> tuple[Run, list[Job]] | None:
        """Return a run and its jobs as one answer tells of both."""
        return self._one(f"/runs/{run_id}", lambda told: (run_of(told), [job_of(job) for job in told["jobs"]]))

    def of_run(self, run_id: int) -> "RemoteRun":
        told = self._one(f"/runs/{run_id}/attempts", lambda told: told["attempts"], {"steps": 1})
        return RemoteRun(told or [])

    def steps(self, attempt_id: int) -> list[Step]:
        return [step_of(attempt_id, told) for told in self._told[attempt_id]["steps"]]

    def annotations(self, attempt_id: int) -> list[dict[str, Any]]:
        return list(self._told[attempt_id]["annotations"])

    def summaries(self, attempt_id: int) -> list[str]:
        return list(self._told[attempt_id]["summaries"])

    def _one(self, path: str, record: Callable[[Any], Record], query: Query | None = None) -> Record | None:
        """Return what is there, or None where the engine knows of nothing."""
        try:
            with translated(self._client):
                return record(self._client.get(path, query))
        except ApiError as error:
            if error.status == 404:
                return None
            raise


class RemoteRun:
    """All attempts of one run with what they came to, of one answer."""

    def __init__(self, attempts: Sequence[Mapping[str, Any]]) -> None:
        self._told = {one["id"]: one for one in attempts}
        self._attempts: dict[int, list[Attempt]] = {}
        for one in attempts:
            self._attempts.setdefault(one["job"], []).append(attempt_of(one["job"], one))

    def attempts(self, job_id: int) -> list[Attempt]:
        return self._attempts.get(job_id, [])

    def steps(self, attempt_id: int) -> list[Step]:
        return [step_of(attempt_id, told) for told in self._told[attempt_id]["steps"]]

    def annotations(self, attempt_id: int) -> list[dict[str, Any]]:
        return list(self._told[attempt_id]["annotations"])

    def summaries(self, attempt_id: int) -> list[str]:
        return list(self._told[attempt_id]["summaries"])
