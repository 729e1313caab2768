"""What commands read and ask for: one port with two sides, the files of a home and the engine that `--connect` names.

Both sides tell the same: records, or JSON as the API tells it. Beside it there are the ports for what has rules of its
own on whom to ask: `admin` (an engine that runs on the home goes before its files), `snapshot_keepers` (never), and
`bisect_source` (this process becomes the engine). Whom a line means is decided by `asked.engine_of` alone.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from app.cli.reads import Reads
from engine.core.records import Job, Run
from engine.store.logs.index import Entry

if TYPE_CHECKING:
    from engine.control.asks.retries import Again


class Log(Protocol):
    """One attempt's log as it is by now. `size` comes first: the index may speak of bytes that are still to come."""

    @property
    def size(self) -> int: ...

    def entries(self) -> list[Entry]: ...

    def read(self, start: int, end: int) -> bytes: ...

    def close(self) -> None: ...


class Source(Protocol):
    """What commands can be told, and what they can ask for. A refusal is an EngineError with its reason."""

    @property
    def queries(self) -> Reads: ...

    @property
    def patient(self) -> Reads:
        """The same answers, from one who waits for an engine that is away and was there before."""

    def log(self, job: Job, attempt: int) -> Log:
        """Open a log. Raises FileNotFoundError where there is none (yet)."""

    def shell_record(self, job: Job, attempt: int) -> bytes:
        """Return what shells into an attempt have shown. Raises FileNotFoundError where there were none."""

    def follow(self, job: Job, attempt: int) -> Iterator[Log]:
        """Yield a log whenever there may be more of it, from its beginning until nothing will come any more."""

    def diff(self, job: Job, attempt: int | None, against: str | None, step: int | None) -> Mapping[str, Any]:
        """Return a job's log against another's, as the API tells it: see `diff_view`."""

    def explain(self, kind: str, ident: int) -> Mapping[str, Any]:
        """Return why a run, a job or an event is as it is, as the API tells it. Raises EngineError for none such."""

    def flaky(self, repo: str | None, all: bool, limit: int) -> Mapping[str, Any]:
        """Return the failures that come and go, or all, as the API tells it: see `flaky_view`."""

    def slo(self) -> Mapping[str, Any]:
        """Return how well the promises are kept, as the API tells it."""

    def slo_history(self, window: str) -> Mapping[str, Any]:
        """Return how they were kept over time, as the API tells it."""

    def cancel(self, target: Run | Job) -> str: ...

    def retry(self, target: Run | Job, again: "Again") -> str: ...

    def rerun(self, run: Run, inputs: Mapping[str, str], debug: bool) -> Mapping[str, Any]:
        """Ask for a run of the same commit with other inputs; return it as the API tells it, with what was `done`."""

    def checkpoints(self, job: Job) -> list[Mapping[str, Any]]:
        """Return the checkpoints of a job, as the API tells them, in the order of its steps."""

    def hold(self, job: Job, wanted: bool) -> str: ...

    def release(self, job: Job) -> str: ...

    def holds(self) -> Mapping[str, Any]:
        """Return the boxes that are held, as the API tells them: see `holds_view`."""

    def approve(self, target: Run | Job) -> str: ...

    def pin(self, run: Run) -> str: ...

    def unpin(self, run: Run) -> str: ...

    def dispatch(self, repo: str, workflow: str, ref: str | None, inputs: Mapping[str, str]) -> int:
        """Ask for a run; return the event."""

    def queue(self, limit: int) -> Mapping[str, Any]:
        """Return what runs and waits, as the API tells it: see `queue_view`."""

    def pause(self) -> str: ...

    def resume(self) -> str: ...

    def prioritize(self, job: Job, priority: int) -> str: ...

    def events(self, repo: str | None, status: str | None, before: int | None, limit: int) -> Mapping[str, Any]:
        """Return the inbox, as the API tells it: see `events_view`."""

    def search(
        self, words: list[str], repo: str | None, workflow: str | None, status: str | None, limit: int
    ) -> Mapping[str, Any]:
        """Return the lines of all logs that hold all words, as the API tells it: see `search_view`."""

    def replay(self, event_id: int) -> str: ...

    def caches(self, repo: str | None) -> list[Mapping[str, Any]]:
        """Return what actions/cache keeps, as the API tells it: see `caches_view`."""

    def remove_caches(self, name: str, repo: str | None) -> list[Mapping[str, Any]]:
        """Forget what has this id or key; return it. Raises EngineError, or returns none, where there is none."""

    def artifacts(self, repo: str | None, before: int | None, limit: int) -> Mapping[str, Any]:
        """Return artifacts of all runs, as the API tells them: see `ArtifactList.view`."""

    def artifacts_of(self, run: Run) -> list[Mapping[str, Any]]:
        """Return a run's artifacts, each as the API tells it."""

    def artifact_contents(self, artifact: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what is in an artifact that was told of: see `contents_view`."""

    def artifact_archive(self, artifact: Mapping[str, Any], form: str, start: int = 0) -> Iterator[bytes]:
        """Yield an artifact as an uncompressed `tar` or `zip`, from byte `start`."""

    def artifact_file(self, artifact: Mapping[str, Any], path: str, start: int = 0) -> Iterator[bytes]:
        """Yield one file of an artifact, from byte `start`."""

    def foretold(self, runs: Sequence[Run]) -> list[Run]:
        """Return runs with when they are expected to end, as far as somebody knows."""

    def foretold_jobs(self, run: Run) -> tuple[Run, list[Job]]:
        """Return a run and its jobs with what is expected of them, and what its end waits or waited for."""

    def heard(self) -> bool:
        """Is there an engine that takes up now what was asked for?"""


@contextmanager
def source_of(args: argparse.Namespace) -> Iterator[Source]:
    """Give what a command line speaks of, until the block ends. Nothing is opened yet. Raises SettingsError."""
    if args.connect is not None or args.token is not None:  # else nothing of HTTP is loaded
        from app.cli.asked import engine_of
        from app.cli.remote.source import RemoteSource

        engine = engine_of(args)
        assert engine is not None
        yield RemoteSource(engine)
        return
    from app.cli.home.source import HomeSource

    source = HomeSource(args)
    try:
        yield source
    finally:
        source.close()
