"""What every job runner of an engine shares."""

from engine.bus import Bus
from engine.core.clock import Clock
from engine.git.actions import ActionSources
from engine.settings.model import Settings
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.caches import Caches
from engine.store.store import Store
from engine.worker.checkouts import Checkouts
from engine.worker.executors import Executors
from pipelines.records import dataclass


@dataclass(frozen=True)
class Tools:
    settings: Settings
    store: Store
    bus: Bus
    clock: Clock
    executors: Executors
    checkouts: Checkouts
    artifacts: Artifacts
    actions: ActionSources
    caches: Caches
