"""Where `treadle bisect` asks: a home's files, or the engine that `--connect` names. Answers are the API's JSON."""

import argparse
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from app.cli.asked import Asked, engine_of
from app.cli.given import actor_here
from app.cli.output import talk
from app.cli.place import home_of
from app.cli.reads import Reads
from engine.core.errors import EngineError

if TYPE_CHECKING:
    from engine.core.bisect_records import Bisect

QUIET_S = 10.0  # without a word of the stream it is asked all the same
Told = Mapping[str, Any]


class Searches(Protocol):
    """What the command asks. A refusal is an EngineError with its reason."""

    @property
    def queries(self) -> Reads: ...

    def start(self, job: int, good: str | None, bad: str | None) -> Told:
        """Begin a search: see `bisect_view`."""

    def get(self, bisect_id: int) -> Told: ...

    def newest(self) -> list[Told]: ...

    def cancel(self, bisect_id: int) -> str: ...

    def heard(self) -> bool:
        """Is there an engine that takes up now what was asked for?"""

    def following(self, told: Told, news: threading.Event) -> Iterator[None]:
        """Yield whenever a search may have gone on, or `news` is set, for as long as it is asked."""


@contextmanager
def searches_of(args: argparse.Namespace) -> Iterator[Searches]:
    """Give what a command line speaks of, until the block ends. Raises SettingsError."""
    engine = engine_of(args)
    if engine is not None:
        yield RemoteSearches(engine)
        return
    home = HomeSearches(args)
    try:
        yield home
    finally:
        home.close()


class HomeSearches:
    """A home of this machine, whose engine this process is while there is no other and a search is followed."""

    def __init__(self, args: argparse.Namespace) -> None:
        from engine.store.store import open_store

        self._config = Path(args.config) if args.config else None
        self._closing = ExitStack()
        self._store = self._closing.enter_context(closing(open_store(home_of(args))))

    @property
    def queries(self) -> Reads:
        return self._store.queries

    def start(self, job: int, good: str | None, bad: str | None) -> Told:
        from app.views.bisects import bisect_view
        from engine.control.bisecting import start as bisect_start

        found = self._store.queries.job(job)
        assert found is not None
        proposal = bisect_start.propose(self._store, found, good, bad)
        return bisect_view(self._find(bisect_start.start(self._store, proposal, actor_here())))

    def get(self, bisect_id: int) -> Told:
        from app.views.bisects import bisect_view

        return bisect_view(self._find(bisect_id))

    def newest(self) -> list[Told]:
        from app.views.bisects import bisect_view

        return [bisect_view(one) for one in self._store.bisects.newest()]

    def cancel(self, bisect_id: int) -> str:
        from engine.control.bisecting import start as bisect_start

        return bisect_start.cancel(self._store, self._find(bisect_id), actor_here())

    def heard(self) -> bool:
        from engine.doorbell import ring

        return ring(self._store.home)

    def following(self, told: Told, news: threading.Event) -> Iterator[None]:
        from app.cli.engine_here import EngineHere
        from engine.engine import executors_of
        from engine.settings.model import load

        if self._store.queue.pause.get() is not None:
            talk("The queue of this home is paused: nothing starts until `treadle queue resume`.")
        settings = load(self._store.home, self._config, os.environ, serves=False)
        executors = self._closing.enter_context(closing(executors_of(settings, self._store)))
        engine = EngineHere(self._store, settings, executors, "news")
        self._closing.callback(engine.stop)
        while True:
            engine.wait()
            yield

    def close(self) -> None:
        self._closing.close()

    def _find(self, bisect_id: int) -> "Bisect":
        found = self._store.bisects.get(bisect_id)
        if found is None:
            raise EngineError(f"There is no bisect {bisect_id}.", "`treadle bisect --list` shows those there are.")
        return found


class RemoteSearches:
    """An engine elsewhere. Its stream says when there is something new."""

    def __init__(self, engine: Asked) -> None:
        from app.cli.remote.patient import Patient
        from app.cli.remote.queries import RemoteQueries

        self._engine = engine
        self._patient = Asked(Patient(engine.client))
        self.queries = RemoteQueries(engine.client)

    def start(self, job: int, good: str | None, bad: str | None) -> Told:
        named = {"good": good, "bad": bad}
        given = {name: rev for name, rev in named.items() if rev is not None}
        return dict(self._engine.post("/bisects", {"job": job, **given}))

    def get(self, bisect_id: int) -> Told:
        return dict(self._patient.get(f"/bisects/{bisect_id}"))

    def newest(self) -> list[Told]:
        return self._engine.listed("/bisects", "bisects")

    def cancel(self, bisect_id: int) -> str:
        return self._engine.done(f"/bisects/{bisect_id}/cancel")

    def heard(self) -> bool:
        return True

    def following(self, told: Told, news: threading.Event) -> Iterator[None]:
        def hear() -> None:
            try:
                for _ in self._engine.client.changes(query={"run": [told["run"]], "types": ["bisect"]}):
                    news.set()
            except EngineError:
                pass  # the next question says why

        threading.Thread(target=hear, name="stream", daemon=True).start()
        while True:
            news.wait(QUIET_S)
            news.clear()
            yield
