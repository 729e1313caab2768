"""Boxes that nobody has opened, of every kind, with the services beside them and the folders that they were made from:
those that are held, and those of attempts that an earlier engine left and that cannot be taken up again.
"""

import logging
import shutil
from pathlib import Path

from engine.core.errors import EngineError
from engine.core.records import Attempt
from engine.store.mending.holds import Hold
from engine.store.store import Store
from engine.worker.executor import BoxSpec, box_name
from engine.worker.executors import Executors
from engine.worker.kind import DOCKER

log = logging.getLogger(__name__)


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
            _remove(self._executors, kind, name, hold.box_id if kind == hold.executor else "", folder)
        shutil.rmtree(folder, ignore_errors=True)


def drop_box(store: Store, executors: Executors, attempt: Attempt, services: bool) -> None:
    """End the box that an attempt has, and the `services` beside it, whatever the configuration says by now.

    What does not answer now is swept once it does.
    """
    if not attempt.box_executor:
        return
    name, folder = box_name(attempt.job_id, *attempt.maker), store.work_folder(attempt.job_id, attempt.maker[0])
    for kind in sorted({attempt.box_executor, DOCKER} if services else {attempt.box_executor}):
        try:
            _remove(executors, kind, name, attempt.box_id if kind == attempt.box_executor else "", folder)
        except EngineError as error:
            log.warning("%s stays until it can be swept: %s", name, error)


def _remove(executors: Executors, kind: str, name: str, box_id: str, folder: Path) -> None:
    executor = executors.get(kind)
    if executor.held is not None:
        executor.held.remove(name, box_id, folder)
    elif (box := executor.adopt(BoxSpec(name, None, folder, {}), box_id)) is not None:
        box.remove()
