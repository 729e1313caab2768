"""The port to boxes whose attempt has ended: how much memory they take, and their end. Nobody runs steps in them."""

from pathlib import Path
from typing import Protocol


class HeldBoxes(Protocol):
    """One executor's. A box is told by its name (see `box_name`), its id and its folder. Safe from any thread."""

    def memory_bytes(self, name: str, box_id: str) -> int | None:
        """Return what a box and the services beside it use now; None when its driver is gone. Raises EngineError."""

    def remove(self, name: str, box_id: str, folder: Path) -> None:
        """Take away a box with all that belongs to it, but its folder; also what is left of one that is gone."""
