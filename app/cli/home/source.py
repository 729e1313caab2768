"""A home of this machine as commands see it: reads answer from the files, wishes wait there for the engine.

Each command loads only what it needs of the engine: that is most of its start-up time.
"""

import argparse
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.cli.place import home_of, home_with_runs
from app.cli.reads import Reads, is_over
from app.cli.source import Log
from engine.core.clock import SystemClock
from engine.core.errors import EngineError, NoEngine, SettingsError
from engine.core.records import Job, Run

if TYPE_CHECKING:
    from app.views.artifacts import ArtifactList
    from app.views.forecast import Foreteller
    from engine.control.asks.retries import Again
    from engine.store.store import Store

PERSON = "a person"
LOOK_S = 0.1  # between two looks at a log that grows
READING_S = 20.0  # for logs that the search index does not know yet


class HomeSource:
    """Works with or without an engine on the home. The store is opened when it is needed first."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._home = home_of(args)
        self._opened: Store | None = None
        self._listed: ArtifactList | None = None

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    @property
    def queries(self) -> Reads:
        return self._store().queries

    @property
    def patient(self) -> Reads:
        return self.queries

    def log(self, job: Job, attempt: int) -> Log:
        from engine.store.logs.reader import LogReader

        return LogReader(self._store().log_path(job.run_id, job.id, attempt))

    def shell_record(self, job: Job, attempt: int) -> bytes:
        return self._store().shell_path(job.run_id, job.id, attempt).read_bytes()

    def follow(self, job: Job, attempt: int) -> Iterator[Log]:
        log, pause = None, threading.Event()
        while True:
            over = is_over(self.queries, job.id, attempt)  # asked first: what was written before is then there
            try:
                log = log or self.log(job, attempt)
                yield log
            except FileNotFoundError:
                pass
            if over:
                return
            pause.wait(LOOK_S)

    def diff(self, job: Job, attempt: int | None, against: str | None, step: int | None) -> Mapping[str, Any]:
        from app.views.diff import diff_view

        return diff_view(self._store(), job, attempt, against, step)

    def explain(self, kind: str, ident: int) -> Mapping[str, Any]:
        from app.cli.repo_names import settings_here
        from app.views.explain import explain_event, explain_job, explain_run

        explains = {"run": explain_run, "job": explain_job, "event": explain_event}[kind]
        found = explains(self._store(), settings_here(self._args), ident)
        if found is None:
            raise EngineError(f"There is no {kind} {ident}.")
        return found

    def flaky(self, repo: str | None, all: bool, limit: int) -> Mapping[str, Any]:
        from app.views.flaky import flaky_view

        return flaky_view(self._store(), repo, all=all, limit=limit)

    def slo(self) -> Mapping[str, Any]:
        from app.cli.repo_names import settings_here
        from engine.store.slo import slo_report

        settings = settings_here(self._args)
        self._store()
        return slo_report(settings.slo, SystemClock().now()).as_json()

    def slo_history(self, window: str) -> Mapping[str, Any]:
        from app.cli.repo_names import settings_here
        from engine.store.slo_history import slo_history

        settings = settings_here(self._args)
        self._store()
        return slo_history(settings.slo, window, SystemClock().now()).as_json()

    def cancel(self, target: Run | Job) -> str:
        from engine.control.asks.commands import cancel

        return cancel(self._store(), target, PERSON)

    def retry(self, target: Run | Job, again: "Again") -> str:
        from engine.control.asks.retries import retry

        return retry(self._store(), target, again, PERSON)

    def rerun(self, run: Run, inputs: Mapping[str, str], debug: bool) -> Mapping[str, Any]:
        from app.cli.given import actor_here
        from app.shapes import rerun_shape
        from engine.control.asks.reruns import rerun

        made = rerun(self._store(), run, inputs, actor_here(), debug=debug)
        return rerun_shape(made, run)

    def checkpoints(self, job: Job) -> list[Mapping[str, Any]]:
        from app.shapes import checkpoint_shape

        return [checkpoint_shape(found) for found in self._store().checkpoints.list(job.id)]

    def hold(self, job: Job, wanted: bool) -> str:
        from engine.control.asks.hold_wishes import hold

        return hold(self._store(), job, wanted)

    def release(self, job: Job) -> str:
        from engine.control.asks.hold_wishes import release

        return release(self._store(), job)

    def holds(self) -> Mapping[str, Any]:
        from app.views.holds import holds_view

        return holds_view(self._store())

    def approve(self, target: Run | Job) -> str:
        from engine.control.asks.commands import approve

        return approve(self._store(), target, PERSON)

    def pin(self, run: Run) -> str:
        from engine.control.asks.commands import pin

        return pin(self._store(), run, PERSON)

    def unpin(self, run: Run) -> str:
        from engine.control.asks.commands import unpin

        return unpin(self._store(), run)

    def dispatch(self, repo: str, workflow: str, ref: str | None, inputs: Mapping[str, str]) -> int:
        from difflib import get_close_matches

        from app.cli.given import actor_here
        from app.cli.repo_names import settings_here
        from engine.control.asks.commands import dispatch

        settings = settings_here(self._args)
        known = settings.repo_called(repo)
        if known is None:
            near = get_close_matches(repo, [one.name for one in settings.repos], n=1)
            hint = (
                f"Did you mean {near[0]!r}?" if near else "`treadle repo add NAME URL` puts it into the configuration."
            )
            raise SettingsError(f"There is no repository {repo!r}.", hint)
        return dispatch(self._store(create=True), known, workflow, ref, inputs, actor_here())

    def queue(self, limit: int) -> Mapping[str, Any]:
        from app.client import Client
        from app.views.queue import queue_view

        engine = Client.of_home(self._home)
        try:  # it alone knows its workers
            return dict(engine.get("/queue", {"limit": limit}))
        except NoEngine:
            pass
        return queue_view(self._store(), 0, limit, self._foreteller().jobs) | {"draining": False}

    def pause(self) -> str:
        from engine.control.asks.commands import pause

        return pause(self._store(create=True), PERSON)

    def resume(self) -> str:
        from engine.control.asks.commands import resume

        return resume(self._store(create=True))

    def prioritize(self, job: Job, priority: int) -> str:
        from engine.control.asks.commands import prioritize

        return prioritize(self._store(), job, priority)

    def events(self, repo: str | None, status: str | None, before: int | None, limit: int) -> Mapping[str, Any]:
        from app.views.events import events_view

        return events_view(self._store(), repo, status, before, limit)

    def search(
        self, words: list[str], repo: str | None, workflow: str | None, status: str | None, limit: int
    ) -> Mapping[str, Any]:
        from app.cli.repo_names import settings_here
        from app.views.search import search_view
        from engine.store.logs.search import Where

        index_bytes, where = settings_here(self._args).limits.search_bytes, Where(repo, workflow, status)
        return search_view(self._store(), words, where, limit, index_bytes, READING_S)

    def replay(self, event_id: int) -> str:
        from engine.control.asks.commands import replay

        return replay(self._store(), event_id)

    def caches(self, repo: str | None) -> list[Mapping[str, Any]]:
        from app.views.caches import caches_view

        return list(caches_view(home_with_runs(self._args), repo))

    def remove_caches(self, name: str, repo: str | None) -> list[Mapping[str, Any]]:
        from app.views.caches import remove_caches

        return list(remove_caches(home_with_runs(self._args), name, repo))

    def artifacts(self, repo: str | None, before: int | None, limit: int) -> Mapping[str, Any]:
        from app.cli.repo_names import settings_here

        return self._artifacts().view(settings_here(self._args).retention, repo, before, limit)

    def artifacts_of(self, run: Run) -> list[Mapping[str, Any]]:
        from app.cli.repo_names import settings_here

        return self._artifacts().of_run(run, settings_here(self._args).retention)

    def artifact_contents(self, artifact: Mapping[str, Any]) -> Mapping[str, Any]:
        from app.views.artifacts import contents_view

        return contents_view(self._artifacts().whole(artifact["id"]))

    def artifact_archive(self, artifact: Mapping[str, Any], form: str, start: int = 0) -> Iterator[bytes]:
        listed = self._artifacts()
        return listed.archive(listed.whole(artifact["id"]), form, start)

    def artifact_file(self, artifact: Mapping[str, Any], path: str, start: int = 0) -> Iterator[bytes]:
        listed = self._artifacts()
        return listed.file(listed.whole(artifact["id"]), path, start)

    def foretold(self, runs: Sequence[Run]) -> list[Run]:
        from engine.core.states import RUN_FINAL

        if all(run.status in RUN_FINAL for run in runs):
            return list(runs)
        return self._foreteller().runs(runs)

    def foretold_jobs(self, run: Run) -> tuple[Run, list[Job]]:
        foreteller = self._foreteller()
        return foreteller.run(run), foreteller.jobs(self.queries.jobs(run.id))

    def heard(self) -> bool:
        from engine.doorbell import ring

        return ring(self._home)

    def _artifacts(self) -> "ArtifactList":
        if self._listed is None:
            from app.views.artifacts import ArtifactList
            from engine.store.contents.artifacts import Artifacts

            self._listed = ArtifactList(self._store(), Artifacts(self._home / "artifacts"))
        return self._listed

    def _foreteller(self) -> "Foreteller":
        from app.cli.repo_names import settings_here
        from app.views.forecast import Foreteller
        from engine.store.outlook import is_worked_on

        def workers() -> int:
            try:
                return settings_here(self._args).worker_count
            except SettingsError:  # what runs can be told of all the same
                return 0

        store, clock = self._store(), SystemClock()
        return Foreteller(store, clock, workers, lambda: is_worked_on(clock.now().timestamp()))

    def _store(self, *, create: bool = False) -> "Store":
        if self._opened is None:
            from engine.store.store import open_store

            self._opened = open_store(self._home, create=create)
        return self._opened
