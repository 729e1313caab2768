"""One `treadle run` from the recorded runs to their end, with this home's engine or in its place."""

from app.cli.engine_here import EngineHere
from app.cli.follow import Follower
from app.cli.interrupts import Interrupts
from app.cli.output import talk
from app.cli.result import Renderer, Result, Silent
from engine.control.asks import commands
from engine.core.clock import SystemClock
from engine.core.errors import EngineError
from engine.settings.model import Settings
from engine.store.store import Store
from engine.worker.executors import Executors

GATHER_S = 0.05  # a burst of news is looked at once: nobody reads a thousand screens a second
REST = 8  # and a look takes a ninth of the time at most: what is cheap to show, such as the end of one job, waits less


class RunSession:
    """Follows runs and shows them. `unavailable` says afterwards whether one failed for want of an executor."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        executors: Executors,
        renderer: Renderer,
        interrupts: Interrupts,
        actor: str,
    ) -> None:
        self._store = store
        self._settings = settings
        self._executors = executors
        self._renderer = renderer
        self._interrupts = interrupts
        self._actor = actor
        self._engine: EngineHere | None = None
        self._heard = 0
        self._reader_left: OSError | None = None
        self.unavailable = False

    def see_through(self, run_ids: list[int], started_s: float) -> Result:
        """Follow the runs to their end. An engine that runs already does the work; if it leaves, this one goes on.

        Nobody to show them to is an interrupt, too: the runs are cancelled, then the error is raised.
        """
        clock = SystemClock()
        follower = Follower(self._store, run_ids, self._renderer)
        if self._store.queue.pause.get() is not None:
            talk("The queue of this home is paused: nothing starts until `treadle queue resume`.")
        try:
            engine = self._engine = EngineHere(self._store, self._settings, self._executors, "news", "log")
            while not follower.done:
                looked_s = clock.monotonic_s()
                self._look(follower)
                self._heed(run_ids)
                if not follower.done:
                    rested_s = clock.monotonic_s() + min(GATHER_S, REST * (clock.monotonic_s() - looked_s))
                    engine.wait()
                    self._interrupts.news.wait(max(0.0, rested_s - clock.monotonic_s()))
                    self._interrupts.news.clear()
            self._look(follower)
            result = follower.result(clock.monotonic_s() - started_s)
            self.unavailable = self._any_unavailable(run_ids)
            engine.stop()
            if self._reader_left is not None:
                raise self._reader_left
            self._renderer.finished(result)
            return result
        finally:
            if self._engine is not None:
                self._engine.stop()
            if self._reader_left is None:
                self._renderer.close()

    def _look(self, follower: Follower) -> None:
        try:
            follower.look()
        except OSError as error:  # stdout: a pipe or a terminal that is closed
            self._reader_left = error
            follower.renderer = Silent()

    def _heed(self, run_ids: list[int]) -> None:
        """Act on interrupts: the first cancels the runs, with the time that they need, the second ends them at once."""
        asked = self._interrupts.count + (self._reader_left is not None)
        if asked > self._heard and self._reader_left is None:
            talk("Cancelling; interrupt again to end it at once." if asked == 1 else "Ending it at once.")
        for _ in range(self._heard, asked):
            for run_id in run_ids:
                self._cancel_run(run_id)
        self._heard = asked

    def _cancel_run(self, run_id: int) -> None:
        run = self._store.queries.run(run_id)
        assert run is not None
        try:
            commands.cancel(self._store, run, self._actor)
        except EngineError:
            pass  # it has just ended

    def _any_unavailable(self, run_ids: list[int]) -> bool:
        jobs = [job for run_id in run_ids for job in self._store.queries.jobs(run_id) if job.status == "failed"]
        return any(
            attempt.kind == "unavailable" for job in jobs for attempt in self._store.queries.attempts(job.id)[-1:]
        )
