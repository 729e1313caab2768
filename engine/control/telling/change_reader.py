"""Reading the changes of statuses page by page, by a cursor that lasts: what is made of a page is written with it.

So whatever is killed when, nothing that became of a run is passed over, and nothing is told twice.
"""

from datetime import datetime
from typing import Generic, TypeVar

from engine.bus import Bus
from engine.control.routine import Routine
from engine.core.clock import Clock
from engine.store.store import Store

PAGE = 20_000  # changes looked through at once
KEEP_EVERY = 5_000  # changes without anything to say, after which the cursor is kept all the same
T = TypeVar("T")


class ChangeReader(Routine, Generic[T]):
    """Woken by news of runs; goes on where it stopped, also after a restart. `topic` is woken when something was said.

    Who reads says what a page means (`read`), where to begin the first time (`first`), and writes it down (`write`).
    """

    def __init__(self, cursor: str, topic: str, store: Store, bus: Bus, clock: Clock, *, durable: bool = False) -> None:
        """`durable`: what is said survives a power cut; else it is said again after one."""
        super().__init__(cursor, store, bus, clock, "news")
        self._cursor = cursor
        self._topic = topic
        self._durable = durable
        self._seen = self._kept = 0

    def first(self) -> int:
        """Return the change after which to begin, where no cursor is kept."""
        raise NotImplementedError

    def read(self, after: int, upto: int) -> list[T] | None:
        """Return what there is to say of the changes with `after` < sequence <= `upto`. Writes nothing.

        None: there is none among them that it cares for; nothing, of those that it does, is the last word on them.
        """
        raise NotImplementedError

    def write(self, said: list[T]) -> None:
        """Have it said; called within the write that moves the cursor."""
        raise NotImplementedError

    def start(self) -> None:
        known = self._store.cursors.get(self._cursor)
        if known is None:
            known = self.first()
            self._store.cursors.set(self._cursor, known)
        self._seen = self._kept = int(known)
        super().start()

    def turn(self) -> datetime | None:
        """Read all there is."""
        while not self._stopped.is_set() and self._read():
            pass
        return None

    def _read(self) -> bool:
        """Take one page; return whether there may be more."""
        last = self._store.queries.last_sequence()
        upto = min(last, self._seen + PAGE)
        said = self.read(self._seen, upto)
        if said is not None or upto - self._kept >= KEEP_EVERY:
            with self._store.database.write(durable=self._durable and bool(said)):
                if said:
                    self.write(said)
                self._store.cursors.set(self._cursor, upto)
            self._kept = upto
        self._seen = upto
        if said:
            self._bus.wake(self._topic)
        return upto < last
