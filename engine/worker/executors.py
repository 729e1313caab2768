"""The executors of a home, each made when a job first needs it: making one loads its library and asks its engine."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from engine.core.errors import EngineError, ExecutorUnavailable
from engine.worker.executor import Executor

log = logging.getLogger(__name__)


class Executors:
    """`docker` and `host` by name. `known` tells the boxes that running attempts still want.

    Only the engine of the home may sweep what is not known: to anybody else, a box that is just being made looks
    like one that was left behind.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Executor]], known: Callable[[], Collection[str]]) -> None:
        self._makers = makers
        self._known = known
        self._lock = threading.Lock()
        self._making = {kind: threading.Lock() for kind in makers}  # one that does not answer holds up no other
        self._made: dict[str, Executor] = {}
        self._owned = False
        self._owing: set[str] = set()  # asked for in vain: what an earlier engine left there is there still
        self._inherited = False  # an earlier engine's boxes were still wanted, and what it kept for them is here

    def get(self, kind: str) -> Executor:
        """Return the executor. Raises ExecutorUnavailable when it cannot start boxes at all."""
        with self._making[kind]:
            if kind not in self._made:
                self._owing.add(kind)
                executor = self._makers[kind]()
                try:
                    executor.check()
                    if self._owned:
                        self._sweep(executor)
                except BaseException:
                    executor.close()  # a port that it listens at would be taken for the one that is made next
                    raise
                with self._lock:
                    self._made[kind] = executor
                self._owing.discard(kind)
            return self._made[kind]

    def has(self, kind: str) -> bool:
        """Has a job needed this executor?"""
        return kind in self._made

    def own(self) -> None:
        """Remove what an earlier engine of this home left behind, now and in executors yet to be made."""
        with self._lock:
            self._owned = True
            for executor in self._made.values():
                self._sweep(executor)

    def clear(self, *kinds: str) -> None:
        """Remove what an earlier engine left behind in these executors, also if no job needs them yet."""
        for kind in self._makers.keys() & kinds:
            try:
                self.get(kind)
            except ExecutorUnavailable as error:
                log.info("Nothing can be cleared away there: %s", error)
            except EngineError as error:
                log.warning("What an earlier engine left behind stays for now: %s", error)

    def ask_again(self) -> bool:
        """Remove what an earlier engine left behind in the executors that did not answer when they were asked for.

        Return whether all have answered by now.
        """
        for kind in list(self._owing) if self._owned else ():
            with suppress(EngineError):  # it is away still
                self.get(kind)
        return not self._owing

    def close(self) -> None:
        """Give back what is kept warm. What earlier engines kept for boxes that have ended since goes as well, and what
        could not be removed when its time was over."""
        with self._lock:
            for executor in self._made.values():
                try:
                    if self._inherited or executor.left_behind:
                        self._sweep(executor)
                except EngineError as error:
                    log.warning("Something may be left over: %s", error)
                executor.close()
            self._made.clear()

    def _sweep(self, executor: Executor) -> None:
        known = self._known()
        self._inherited = self._inherited or bool(known)
        try:
            executor.strays(known)
        except EngineError:
            raise
        except Exception as error:  # of its library: its engine went away meanwhile
            raise EngineError(f"What an earlier engine left in {executor.kind} cannot be removed: {error}.") from error
