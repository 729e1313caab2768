"""The engine of a home in this process, for as long as a command waits for what it does and no other runs."""

from engine.bus import Bus
from engine.core.clock import SystemClock
from engine.doorbell import ring
from engine.engine import Engine
from engine.home import HomeLock
from engine.settings.live import LiveSettings
from engine.settings.model import Settings
from engine.store.store import Store
from engine.worker.executors import Executors

LOOK_S = 0.1
TAKE_OVER_S = 0.5


class EngineHere:
    """Lets an engine that runs already do the work; without one, or when it leaves, this process is the engine.

    `topics` are what `wait` listens to. The executors stay their owner's, who closes them after `stop`.
    """

    def __init__(self, store: Store, settings: Settings, executors: Executors, *topics: str) -> None:
        self._store = store
        self._settings = settings
        self._bus = Bus()
        self._listener = self._bus.listen(*topics)
        self._lock = HomeLock(store.home)
        self._executors = executors
        self._engine: Engine | None = None
        self._clock = SystemClock()
        self._tried_s = self._clock.monotonic_s()
        if not self._become_engine():
            ring(store.home)

    def wait(self) -> None:
        """Wait until something may have changed, a moment at most."""
        if self._engine is None and self._clock.monotonic_s() - self._tried_s > TAKE_OVER_S:
            self._tried_s = self._clock.monotonic_s()
            self._become_engine()
        self._listener.wait(LOOK_S)

    def stop(self) -> None:
        """Leave what runs in its boxes for the next engine. Safe to repeat."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.stop()

    def _become_engine(self) -> bool:
        if not self._lock.take():
            return False
        self._engine = Engine(LiveSettings(self._settings), self._store, self._lock, self._bus, self._executors).start()
        return True
