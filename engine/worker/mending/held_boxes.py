"""Held boxes of every kind, with the services beside them and the folders that they were made from."""

import shutil

from engine.store.mending.holds import Hold
from engine.store.store import Store
from engine.worker.executor import box_name
from engine.worker.executors import Executors
from engine.worker.kind import DOCKER


class AllHeldBoxes:
    def __init__(self, store: Store, executors: Executors) -> None:
        self._store = store
        self._executors = executors

    def memory_bytes(self, hold: Hold) -> int | None:
        """Return what a held box and all beside it use now, None when it is gone. Raises EngineError."""
        held = self._executors.get(hold.executor).held
        return held.memory_bytes(box_name(hold.job_id, *hold.maker), hold.box_id) if held is not None else None

    def remove(self, hold: Hold) -> None:
        """Take away a held box with all that belongs to it. Raises EngineError while nobody answers."""
        name, folder = box_name(hold.job_id, *hold.maker), self._store.work_folder(hold.job_id, hold.maker[0])
        kinds = {hold.executor, DOCKER} if hold.state["services"] else {hold.executor}
        for kind in sorted(kinds):
            if (held := self._executors.get(kind).held) is not None:
                held.remove(name, hold.box_id if kind == hold.executor else "", folder)
        shutil.rmtree(folder, ignore_errors=True)
