"""The control plane's own thread: ticks clock watch, scheduler and watchdog when woken or when something is due."""

from datetime import datetime

from engine.bus import Bus
from engine.control.clock_watch import ClockWatch
from engine.control.routine import Routine
from engine.control.scheduler import Scheduler
from engine.control.watchdog import Watchdog
from engine.core.clock import Clock
from engine.settings.live import LiveSettings
from engine.store.store import Store


class ControlLoop(Routine):
    def __init__(self, store: Store, bus: Bus, clock: Clock, settings: LiveSettings) -> None:
        super().__init__("control", store, bus, clock, "schedule")
        scheduler = Scheduler(store, bus, clock, lambda repo, name: settings.now.environment(repo, name))
        watchdog = Watchdog(store, bus, clock, settings.now.grace_s)
        self._parts = (ClockWatch(store, bus, clock), scheduler, watchdog)

    def turn(self) -> datetime | None:
        for part in self._parts:
            part.tick()
        return min((at for part in self._parts if (at := part.next_due()) is not None), default=None)
