"""How much room the disk of a home has, and whether that is enough to start anything."""

import shutil
from collections.abc import Callable
from pathlib import Path

from engine.core.waiting import Room
from engine.settings.model import DiskFloor


class Disk:
    """The disk of one home. Looking costs a system call, so nobody keeps what was seen.

    `floor` returns, for the size of the disk, what has to stay free; whoever knows the settings replaces it.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.floor: Callable[[int], int] = DiskFloor().of

    def look(self) -> Room:
        """Return how things stand now."""
        usage = shutil.disk_usage(self._home)
        return Room(usage.free, usage.total, self.floor(usage.total))
