"""All triggers of one engine, started and stopped together."""

from engine.bus import Bus
from engine.control.mirrors import Mirrors
from engine.control.triggers.poll import Lookout
from engine.control.triggers.schedule import Schedules
from engine.control.triggers.watch import Watcher
from engine.core.clock import Clock
from engine.settings.live import LiveSettings
from engine.store.store import Store


class Triggers:
    """They accept events into the inbox and wake its topic; planning is the planner's."""

    def __init__(self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock, mirrors: Mirrors) -> None:
        lookout = Lookout(store, settings, bus, clock, mirrors)
        schedules = Schedules(store, settings, bus, clock, mirrors)
        watcher = Watcher(store, settings, bus, clock, mirrors, lookout)
        self._parts: tuple[Lookout | Schedules | Watcher, ...] = (lookout, schedules, watcher)

    def start(self) -> None:
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        for part in reversed(self._parts):
            part.stop()
