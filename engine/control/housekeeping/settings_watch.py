"""Follows the configuration's file while the server runs. What becomes of it is `engine.settings.live`' to say."""

from datetime import datetime, timedelta

from engine.bus import Bus
from engine.control.routine import Routine
from engine.core.clock import Clock
from engine.settings.live import LiveSettings
from engine.store.store import Store

LOOK_S, AGAIN_S = 1.0, 0.2  # a look is one stat; a file that has just changed is looked at again before it is read


class SettingsWatch(Routine):
    """Looks from time to time, and when the `config` topic is woken: by the bell that our own commands ring."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, settings: LiveSettings) -> None:
        super().__init__("settings", store, bus, clock, "config")
        self._settings = settings

    def turn(self) -> datetime | None:
        if self._settings.file is None:
            return None
        self._settings.look()
        return self._clock.now() + timedelta(seconds=LOOK_S if self._settings.settled else AGAIN_S)
