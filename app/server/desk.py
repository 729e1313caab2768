"""What every handler works with, and how it asks the store: off the event loop, on a few threads."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import field
from typing import Any, ParamSpec, TypeVar

from aiohttp import web

from app.views.artifacts import ArtifactList
from app.views.forecast import Foreteller
from engine.bus import Bus
from engine.control.aside import Aside
from engine.control.housekeeping.retention import Pruning
from engine.control.inbox.acceptor import Acceptor
from engine.control.mirrors import Mirrors
from engine.core.clock import Clock
from engine.settings.live import LiveSettings
from engine.settings.model import RepoSettings, Settings
from engine.store.contents.artifacts import Artifacts
from engine.store.slo import SloReporter
from engine.store.slo_history import SloHistorian
from engine.store.store import Store
from pipelines.records import dataclass

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
THREADS = 8
ASIDE = 2  # what waits for a network, so that no thread for the store is held by it


class Askers:
    """The threads that carry out store calls for the event loop. Each closes its connection at the end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="desk")

    async def ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: call(*args, **kwargs))

    def stop(self) -> None:
        """End the threads once they have done what was asked."""
        everybody = threading.Barrier(THREADS)

        def leave() -> None:
            try:
                everybody.wait(1)  # so that each thread takes one of these
            except threading.BrokenBarrierError:
                pass  # one hangs in a call; the others leave nevertheless
            self._store.close()

        for _ in range(THREADS):
            self._pool.submit(leave)
        self._pool.shutdown()


@dataclass
class Desk:
    """What handlers share. `counters` are for /metrics, keyed by name and labels.

    `pruning` tells what is old enough to go, None where nothing goes; `hurry` has it go now.
    """

    live: LiveSettings
    store: Store
    bus: Bus
    clock: Clock
    acceptor: Acceptor
    artifacts: Artifacts
    mirrors: Mirrors
    askers: Askers
    repo_ids: Mapping[str, int]
    busy: Callable[[], int]
    pruning: Pruning | None = None
    hurry: Callable[[], None] = lambda: None
    ready: bool = False
    draining: bool = False
    counters: Counter[tuple[str, str]] = field(default_factory=Counter)
    slo: SloReporter = field(init=False)
    slo_history: SloHistorian = field(init=False)
    artifact_list: ArtifactList = field(init=False)
    aside: Aside = field(init=False)
    foreteller: Foreteller = field(init=False)

    def __post_init__(self) -> None:
        self.slo = SloReporter(lambda: self.settings.slo)
        self.slo_history = SloHistorian(lambda: self.settings.slo)
        self.artifact_list = ArtifactList(self.store, self.artifacts)
        self.aside = Aside(self.store, ASIDE)
        self.foreteller = Foreteller(
            self.store, self.clock, lambda: self.settings.worker_count, lambda: not self.draining
        )

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.live.now

    async def ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a call of the store made without stopping the event loop."""
        return await self.askers.ask(call, *args, **kwargs)

    async def ask_aside(self, what: str, call: Callable[[], T], patience_s: float) -> T | None:
        """Have something done that may take long, or wait for a network; return its result, or raise what it raises.

        None: it takes longer than `patience_s`, and goes on; if it fails then, the log says so.
        """
        asked: Future[T] = Future()

        def work() -> None:
            try:
                asked.set_result(call())
            except Exception as error:
                asked.set_exception(error)

        self.aside.go(f"{what} {id(asked)}", work)
        done, _ = await asyncio.wait([asyncio.wrap_future(asked)], timeout=patience_s)
        if done:
            return done.pop().result()
        asked.add_done_callback(lambda late: _say_late(what, late.exception()))
        return None

    def repo(self, name: str) -> RepoSettings | None:
        return self.settings.repo(name)


def _say_late(what: str, error: BaseException | None) -> None:
    if error is not None:
        log.warning("%s failed after nobody waited any more: %s", what, error)


@dataclass(frozen=True)
class Caller:
    """Who asks: a token's name, or the person who may open the home's socket."""

    name: str
    scope: str
    token_id: int | None = None


@dataclass(frozen=True)
class Call:
    """One request on its way to its handler, checked: `query` and `fields` hold what the route declares."""

    desk: Desk
    request: web.Request
    caller: Caller | None
    query: Mapping[str, Any]
    fields: Mapping[str, Any]

    @property
    def ident(self) -> int:
        """The id in the path."""
        return int(self.request.match_info["id"])

    @property
    def over_network(self) -> bool:
        """Whether who asks showed a token, rather than opened the home's own socket."""
        return self.caller is None or self.caller.token_id is not None

    @property
    def actor(self) -> str:
        return self.caller.name if self.caller else ""
