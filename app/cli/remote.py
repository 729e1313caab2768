"""The engine that `--connect` names, as commands see it: over its API, with the same records as a home gives.

What the API keeps to itself (leases and their tokens, paths on that machine) is empty in these records.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from app.cli.remote_records import attempt_of, entry_of, job_of, run_of, step_of
from app.client import ApiError, Client
from engine.core.errors import EngineError, NoEngine, SettingsError
from engine.core.records import Attempt, Job, Run, Step
from engine.store.log_index import Entry
from engine.store.search_words import line_of

if TYPE_CHECKING:
    from engine.control.retries import Again

PAGE = 500
AHEAD_BYTES = 1 << 20
SILENCE_S = 60.0
Record = TypeVar("Record")


class RemoteSource:
    """Every answer is asked for anew; `queries` remembers the attempts that it told of last."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.queries = RemoteQueries(client)

    @classmethod
    def at(cls, url: str, token: str | None) -> "RemoteSource":
        """Return the engine at a URL: see `client_at`. Raises SettingsError."""
        return cls(client_at(url, token))

    def log(self, job: Job, attempt: int) -> "RemoteLog":
        return RemoteLog(self._client, job.id, attempt)

    def shell_record(self, job: Job, attempt: int) -> bytes:
        try:
            with translated(self._client):
                return self._client.read(f"/jobs/{job.id}/shell/record", {"attempt": attempt})
        except ApiError as error:
            if error.status == 404:
                raise FileNotFoundError(str(error)) from error
            raise

    def follow(self, job: Job, attempt: int) -> "Iterator[RemoteLog]":
        from app.cli.remote_follow import follow

        return follow(self._client, job.id, attempt)

    @property
    def patient(self) -> "RemoteQueries":
        from app.cli.remote_follow import Patient

        return RemoteQueries(Patient(self._client))

    def diff(self, job: Job, attempt: int | None, against: str | None, step: int | None) -> Mapping[str, Any]:
        with translated(self._client):
            query = {"attempt": attempt, "against": against, "step": step}
            return dict(self._client.get(f"/jobs/{job.id}/diff", query))

    def explain(self, kind: str, ident: int) -> Mapping[str, Any]:
        folder = {"run": "runs", "job": "jobs", "event": "inbox"}[kind]
        with translated(self._client):
            return dict(self._client.get(f"/{folder}/{ident}/explain"))

    def flaky(self, repo: str | None, all: bool, limit: int) -> Mapping[str, Any]:
        with translated(self._client):
            return dict(self._client.get("/flaky", {"repo": repo, "all": int(all), "limit": limit}))

    def slo(self) -> Mapping[str, Any]:
        with translated(self._client):
            told: Mapping[str, Any] = self._client.get("/slo")
            return told

    def slo_history(self, window: str) -> Mapping[str, Any]:
        with translated(self._client):
            return dict(self._client.get("/slo/history", {"window": window}))

    def cancel(self, target: Run | Job) -> str:
        return self._wish(target, "cancel")

    def retry(self, target: Run | Job, again: "Again") -> str:
        asked = {"debug": again.debug}
        if isinstance(target, Run):
            return self._wish(target, "retry", {**asked, "failed": again.failed})
        step = {} if again.step is None else {"step": again.step}
        return self._wish(target, "retry", {**asked, **step, "here": again.here, "next": again.next})

    def rerun(self, run: Run, inputs: Mapping[str, str], debug: bool) -> Mapping[str, Any]:
        with translated(self._client):
            return dict(self._client.post(f"/runs/{run.id}/retry", {"inputs": dict(inputs), "debug": debug}))

    def checkpoints(self, job: Job) -> list[Mapping[str, Any]]:
        with translated(self._client):
            return list(self._client.get(f"/jobs/{job.id}/checkpoints")["checkpoints"])

    def hold(self, job: Job, wanted: bool) -> str:
        return self._wish(job, "hold", {"wanted": wanted})

    def release(self, job: Job) -> str:
        return self._wish(job, "release")

    def holds(self) -> Mapping[str, Any]:
        with translated(self._client):
            return dict(self._client.get("/holds"))

    def approve(self, target: Run | Job) -> str:
        return self._wish(target, "approve")

    def pin(self, run: Run) -> str:
        return self._wish(run, "pin")

    def unpin(self, run: Run) -> str:
        return self._wish(run, "unpin")

    def dispatch(self, repo: str, workflow: str, ref: str | None, inputs: Mapping[str, str]) -> int:
        wanted = {"repo": repo, "workflow": workflow, "inputs": dict(inputs)} | ({} if ref is None else {"ref": ref})
        with translated(self._client):
            return int(self._client.post("/runs", wanted, {"wait": 0})["event"])

    def queue(self, limit: int) -> Mapping[str, Any]:
        with translated(self._client):
            return dict(self._client.get("/queue", {"limit": limit}))

    def pause(self) -> str:
        return self._done("/queue/pause")

    def resume(self) -> str:
        return self._done("/queue/resume")

    def prioritize(self, job: Job, priority: int) -> str:
        return self._done(f"/jobs/{job.id}/priority", {"priority": priority})

    def events(self, repo: str | None, status: str | None, before: int | None, limit: int) -> Mapping[str, Any]:
        with translated(self._client):
            query = {"repo": repo, "status": status, "before": before, "limit": limit}
            return dict(self._client.get("/inbox", query))

    def search(
        self, words: list[str], repo: str | None, workflow: str | None, status: str | None, limit: int
    ) -> Mapping[str, Any]:
        with translated(self._client):
            query = {"q": line_of(words), "repo": repo, "workflow": workflow, "status": status, "limit": limit}
            return dict(self._client.get("/search", query))

    def replay(self, event_id: int) -> str:
        return self._done(f"/inbox/{event_id}/replay")

    def artifacts(self, repo: str | None, before: int | None, limit: int) -> Mapping[str, Any]:
        with translated(self._client):
            return dict(self._client.get("/artifacts", {"repo": repo, "before": before, "limit": limit}))

    def artifacts_of(self, run: Run) -> list[Mapping[str, Any]]:
        with translated(self._client):
            return list(self._client.get("/artifacts", {"run": run.id})["artifacts"])

    def artifact_contents(self, artifact: Mapping[str, Any]) -> Mapping[str, Any]:
        with translated(self._client):
            return dict(self._client.get(f"/artifacts/{artifact['id']}/files"))

    def artifact_archive(self, artifact: Mapping[str, Any], form: str, start: int = 0) -> Iterator[bytes]:
        with translated(self._client):
            path = f"/artifacts/{artifact['id']}"
            yield from self._client.stream(path, {"format": form}, timeout_s=SILENCE_S, start=start)

    def artifact_file(self, artifact: Mapping[str, Any], path: str, start: int = 0) -> Iterator[bytes]:
        with translated(self._client):
            path = f"/artifacts/{artifact['id']}/files/{path}"
            yield from self._client.stream(path, timeout_s=SILENCE_S, start=start)

    def foretold(self, runs: Sequence[Run]) -> list[Run]:
        return list(runs)  # the API has told of it as of everything else

    def foretold_jobs(self, run: Run) -> tuple[Run, list[Job]]:
        return self.queries.run(run.id) or run, self.queries.jobs(run.id)

    def heard(self) -> bool:
        return True  # whoever carried out the wish is the engine

    def _wish(self, target: Run | Job, deed: str, more: Mapping[str, Any] | None = None) -> str:
        kind = "runs" if isinstance(target, Run) else "jobs"
        return self._done(f"/{kind}/{target.id}/{deed}", more)

    def _done(self, path: str, body: Mapping[str, Any] | None = None) -> str:
        with translated(self._client):
            return str(self._client.post(path, body)["done"])


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

    def steps(self, attempt_id: int) -> list[Step]:
        return [step_of(attempt_id, told) for told in self._told[attempt_id]["steps"]]

    def annotations(self, attempt_id: int) -> list[dict[str, Any]]:
        return list(self._told[attempt_id]["annotations"])

    def summaries(self, attempt_id: int) -> list[str]:
        return list(self._told[attempt_id]["summaries"])

    def _one(self, path: str, record: Callable[[Any], Record]) -> Record | None:
        """Return what is there, or None where the engine knows of nothing."""
        try:
            with translated(self._client):
                return record(self._client.get(path))
        except ApiError as error:
            if error.status == 404:
                return None
            raise


class RemoteLog:
    """A log over the API: its index as it grows, its bytes read ahead."""

    def __init__(self, client: Client, job_id: int, attempt: int) -> None:
        self._client = client
        self._path = f"/jobs/{job_id}/logs"
        self._attempt = attempt
        self._entries: list[Entry] = []
        self._start, self._block = 0, b""
        self._size = 0
        self._begin()

    def _begin(self) -> None:
        try:
            self._look()
        except ApiError as error:
            if error.status == 404:
                raise FileNotFoundError(str(error)) from error
            raise

    @property
    def size(self) -> int:
        self._look()
        return self._size

    def entries(self) -> list[Entry]:
        return self._entries

    def read(self, start: int, end: int) -> bytes:
        if start < self._start or end > self._start + len(self._block):
            stop = max(end, min(self._size, start + AHEAD_BYTES))
            with translated(self._client):
                self._block = self._client.read(self._path, {"attempt": self._attempt}, start, stop)
            self._start = start
        return self._block[start - self._start : end - self._start]

    def close(self) -> None:
        """Nothing is open between two questions."""

    def _look(self) -> None:
        """Take in what has come. What is announced and not written yet may be taken back: that is left for later."""
        while True:
            query = {"attempt": self._attempt, "after": len(self._entries)}
            with translated(self._client):
                told = self._client.get(f"{self._path}/index", query)
                self._size = told["size"]
                page = [entry_of(one) for one in told["entries"]]
            for entry in page:
                if entry.end > self._size:
                    return
                self._entries.append(entry)
            if not told["more"]:
                return


def client_at(url: str, token: str | None) -> Client:
    """Return who speaks to a URL. The token comes from the environment if none is given. Raises SettingsError."""
    token = token or os.environ.get("TREADLE_TOKEN") or None
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise SettingsError("The token is none that `treadle token create` makes.")
    if "@" in url:
        raise SettingsError("The address of an engine holds no name or password; there is --token for that.")
    try:
        urlsplit(url)
        return Client.of_url(url, token)
    except (EngineError, ValueError) as error:
        raise SettingsError(f"{url!r} is no address of an engine.", "It looks like http://HOST:8484.") from error


@contextmanager
def translated(client: Client) -> Iterator[None]:
    """Make a wrong token wrong usage, and what speaks another language no engine."""
    try:
        yield
    except ApiError as error:
        if error.status in (401, 403):
            raise SettingsError(str(error), "Give one with --token or as TREADLE_TOKEN.") from error
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise NoEngine(f"What answers at {client.where} is no engine of this version of Treadle.") from error
