"""The engine that `--connect` names, as the source of what commands read and ask for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.cli.asked import Asked, translated
from app.cli.remote.log import RemoteLog
from app.cli.remote.queries import RemoteQueries
from app.client import ApiError
from engine.core.records import Job, Run
from engine.store.logs.words import line_of

if TYPE_CHECKING:
    from engine.control.asks.retries import Again

Told = Mapping[str, Any]


class RemoteSource:
    """Every answer is asked for anew; `queries` remembers the attempts that it told of last."""

    def __init__(self, engine: Asked) -> None:
        self._engine = engine
        self._client = engine.client
        self.queries = RemoteQueries(engine.client)

    def log(self, job: Job, attempt: int) -> RemoteLog:
        return RemoteLog(self._client, job.id, attempt)

    def shell_record(self, job: Job, attempt: int) -> bytes:
        try:
            with translated(self._client):
                return self._client.read(f"/jobs/{job.id}/shell/record", {"attempt": attempt})
        except ApiError as error:
            if error.status == 404:
                raise FileNotFoundError(str(error)) from error
            raise

    def follow(self, job: Job, attempt: int) -> Iterator[RemoteLog]:
        from app.cli.remote.following import follow

        return follow(self._client, job.id, attempt)

    @property
    def patient(self) -> RemoteQueries:
        from app.cli.remote.patient import Patient

        return RemoteQueries(Patient(self._client))

    def diff(self, job: Job, attempt: int | None, against: str | None, step: int | None) -> Told:
        return dict(self._engine.get(f"/jobs/{job.id}/diff", {"attempt": attempt, "against": against, "step": step}))

    def explain(self, kind: str, ident: int) -> Told:
        folder = {"run": "runs", "job": "jobs", "event": "inbox"}[kind]
        return dict(self._engine.get(f"/{folder}/{ident}/explain"))

    def flaky(self, repo: str | None, all: bool, limit: int) -> Told:
        return dict(self._engine.get("/flaky", {"repo": repo, "all": int(all), "limit": limit}))

    def slo(self) -> Told:
        return dict(self._engine.get("/slo"))

    def slo_history(self, window: str) -> Told:
        return dict(self._engine.get("/slo/history", {"window": window}))

    def cancel(self, target: Run | Job) -> str:
        return self._wish(target, "cancel")

    def retry(self, target: Run | Job, again: "Again") -> str:
        asked = {"debug": again.debug}
        if isinstance(target, Run):
            return self._wish(target, "retry", {**asked, "failed": again.failed})
        step = {} if again.step is None else {"step": again.step}
        return self._wish(target, "retry", {**asked, **step, "here": again.here, "next": again.next})

    def rerun(self, run: Run, inputs: Mapping[str, str], debug: bool) -> Told:
        return dict(self._engine.post(f"/runs/{run.id}/retry", {"inputs": dict(inputs), "debug": debug}))

    def checkpoints(self, job: Job) -> list[Told]:
        return self._engine.listed(f"/jobs/{job.id}/checkpoints", "checkpoints")

    def hold(self, job: Job, wanted: bool) -> str:
        return self._wish(job, "hold", {"wanted": wanted})

    def release(self, job: Job) -> str:
        return self._wish(job, "release")

    def holds(self) -> Told:
        return dict(self._engine.get("/holds"))

    def approve(self, target: Run | Job) -> str:
        return self._wish(target, "approve")

    def pin(self, run: Run) -> str:
        return self._wish(run, "pin")

    def unpin(self, run: Run) -> str:
        return self._wish(run, "unpin")

    def dispatch(self, repo: str, workflow: str, ref: str | None, inputs: Mapping[str, str]) -> int:
        wanted = {"repo": repo, "workflow": workflow, "inputs": dict(inputs)} | ({} if ref is None else {"ref": ref})
        return int(self._engine.post("/runs", wanted, {"wait": 0})["event"])

    def queue(self, limit: int) -> Told:
        return dict(self._engine.get("/queue", {"limit": limit}))

    def pause(self) -> str:
        return self._engine.done("/queue/pause")

    def resume(self) -> str:
        return self._engine.done("/queue/resume")

    def prioritize(self, job: Job, priority: int) -> str:
        return self._engine.done(f"/jobs/{job.id}/priority", {"priority": priority})

    def events(self, repo: str | None, status: str | None, before: int | None, limit: int) -> Told:
        query = {"repo": repo, "status": status, "before": before, "limit": limit}
        return dict(self._engine.get("/inbox", query))

    def search(self, words: list[str], repo: str | None, workflow: str | None, status: str | None, limit: int) -> Told:
        query = {"q": line_of(words), "repo": repo, "workflow": workflow, "status": status, "limit": limit}
        return dict(self._engine.get("/search", query))

    def replay(self, event_id: int) -> str:
        return self._engine.done(f"/inbox/{event_id}/replay")

    def caches(self, repo: str | None) -> list[Told]:
        return self._engine.listed("/caches", "caches", {"repo": repo})

    def remove_caches(self, name: str, repo: str | None) -> list[Told]:
        return list(self._engine.delete("/caches", {"name": name, "repo": repo})["caches"])

    def artifacts(self, repo: str | None, before: int | None, limit: int) -> Told:
        return dict(self._engine.get("/artifacts", {"repo": repo, "before": before, "limit": limit}))

    def artifacts_of(self, run: Run) -> list[Told]:
        return self._engine.listed("/artifacts", "artifacts", {"run": run.id})

    def artifact_contents(self, artifact: Told) -> Told:
        return dict(self._engine.get(f"/artifacts/{artifact['id']}/files"))

    def artifact_archive(self, artifact: Told, form: str, start: int = 0) -> Iterator[bytes]:
        return self._engine.stream(f"/artifacts/{artifact['id']}", {"format": form}, start)

    def artifact_file(self, artifact: Told, path: str, start: int = 0) -> Iterator[bytes]:
        return self._engine.stream(f"/artifacts/{artifact['id']}/files/{path}", start=start)

    def foretold(self, runs: Sequence[Run]) -> list[Run]:
        return list(runs)  # the API has told of it as of everything else

    def foretold_jobs(self, run: Run) -> tuple[Run, list[Job]]:
        return self.queries.run_with_jobs(run.id) or (run, [])

    def heard(self) -> bool:
        return True  # whoever carried out the wish is the engine

    def _wish(self, target: Run | Job, deed: str, more: Told | None = None) -> str:
        kind = "runs" if isinstance(target, Run) else "jobs"
        return self._engine.done(f"/{kind}/{target.id}/{deed}", more)
