"""An engine inside this process: what a job costs once everything is loaded, from the recording of a run to its end."""

import time
from types import TracebackType
from typing import Self

from benchmarks.place import Workplace
from engine.bus import Bus
from engine.control.asks import intake
from engine.core.clock import SystemClock
from engine.core.states import RUN_FINAL
from engine.engine import Engine, executors_of
from engine.git.repository import discover
from engine.home import HomeLock
from engine.settings.live import LiveSettings
from engine.settings.model import load
from engine.store.store import open_store


class WarmEngine:
    """The engine of a place, running until the end of the `with`."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._bus = Bus()
        self._news = self._bus.listen("news")

    def __enter__(self) -> Self:
        home = self._place.home
        settings = load(home, None, {})
        self._store = open_store(home, create=True)
        lock = HomeLock(home)
        if not lock.take():
            raise RuntimeError(f"another engine runs in {home}")
        executors = executors_of(settings, self._store)
        self._engine = Engine(LiveSettings(settings), self._store, lock, self._bus, executors).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.stop()
        self._store.close()

    def run(self, workflow: str) -> float:
        """Run a workflow of the place to its end; return the seconds from recording it."""
        repo = discover(self._place.repo)
        assert repo is not None
        request = intake.LocalRequest(repo, workflow=f".treadle/workflows/{workflow}.yml", actor="bench")
        prepared = intake.prepare(self._store, request)
        start = time.monotonic()
        (run_id,) = intake.record(self._store, prepared, "bench", SystemClock())
        self._bus.wake("schedule")
        while (run := self._store.queries.run(run_id)) is not None and run.status not in RUN_FINAL:
            self._news.wait(1.0)
        seconds = time.monotonic() - start
        if run is None or run.status != "success":
            raise RuntimeError(f"the run of {workflow} ended as {run.status if run else 'nothing'}")
        return seconds
