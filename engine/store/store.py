"""A home's store, opened: everything that lasts, behind one handle."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from engine.core.errors import EngineError
from engine.core.trouble import Trouble
from engine.store.action_pins import ActionPins
from engine.store.commits import Commits
from engine.store.cursors import Cursors
from engine.store.database import RESTORE, Database
from engine.store.inbox import Inbox
from engine.store.logs.paths import log_path
from engine.store.outbox import Outbox
from engine.store.pins import Pins
from engine.store.queries import Queries
from engine.store.refs import Refs
from engine.store.secrets import SecretBox
from engine.store.syncs import Syncs
from engine.store.tokens import Tokens
from engine.store.vault import Vault

if TYPE_CHECKING:
    from engine.store.clock_moves import ClockMoves
    from engine.store.contents.checkpoints import Checkpoints
    from engine.store.decisions import Decisions
    from engine.store.definitions import Definitions
    from engine.store.disk import Disk
    from engine.store.line import Line
    from engine.store.mending.bisects import Bisects
    from engine.store.mending.failures import Failures
    from engine.store.mending.holds import Holds
    from engine.store.queue import Queue
    from engine.store.runs import Runs
    from engine.store.wishes import Wishes

DATABASE = "treadle.db"
FOLDERS = ("logs", "artifacts", "repos", "cache", "work")
T = TypeVar("T")


class part(Generic[T]):
    """A part of the store that is made, and loaded, when it is asked for first: a command that lists needs few."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__

    @overload
    def __get__(self, store: None, owner: type) -> Self: ...

    @overload
    def __get__(self, store: "Store", owner: type) -> T: ...

    def __get__(self, store: "Store | None", owner: type) -> Self | T:
        if store is None:
            return self
        with store.making:
            if self._name not in store.__dict__:  # which is looked at before this from then on
                store.__dict__[self._name] = self._make(store)
        made: T = store.__dict__[self._name]
        return made


class Store:
    """The database and the folders of one home. Safe to use from any thread; each closes its own connection."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.making = threading.RLock()
        self.trouble = Trouble()
        self.database = Database(home / DATABASE)
        self.queries = Queries()
        self.pins = Pins(self.database)
        self.action_pins = ActionPins(self.database)
        self.commits = Commits(self.database)
        self.refs = Refs(self.database)
        self.secrets = SecretBox(home)
        self.inbox = Inbox(self.database)
        self.outbox = Outbox(self.database)
        self.cursors = Cursors(self.database)
        self.syncs = Syncs(self.database)
        self.tokens = Tokens(self.database)
        self.vault = Vault(self.database, self.secrets)

    @part
    def runs(self) -> "Runs":
        from engine.store.runs import Runs

        return Runs(self.database)

    @part
    def decisions(self) -> "Decisions":
        from engine.store.decisions import Decisions

        return Decisions(self.database)

    @part
    def wishes(self) -> "Wishes":
        from engine.store.wishes import Wishes

        return Wishes(self.database)

    @part
    def bisects(self) -> "Bisects":
        from engine.store.mending.bisects import Bisects

        return Bisects(self.database)

    @part
    def holds(self) -> "Holds":
        from engine.store.mending.holds import Holds

        return Holds(self.database)

    @part
    def checkpoints(self) -> "Checkpoints":
        from engine.store.contents.checkpoints import Checkpoints

        return Checkpoints(self.database, self.home / "cache" / "checkpoints")

    @part
    def clock_moves(self) -> "ClockMoves":
        from engine.store.clock_moves import ClockMoves

        return ClockMoves(self.database)

    @part
    def disk(self) -> "Disk":
        from engine.store.disk import Disk

        return Disk(self.home)

    @part
    def queue(self) -> "Queue":
        from engine.store.queue import Queue

        return Queue(self.database, self.disk)

    @part
    def failures(self) -> "Failures":
        from engine.store.mending.failures import Failures

        return Failures(self.database)

    @part
    def line(self) -> "Line":
        from engine.store.line import Line

        return Line(self.queries, self.queue.pause, self.disk)

    @part
    def definitions(self) -> "Definitions":
        from engine.store.definitions import Definitions

        return Definitions(self.database)

    def log_path(self, run_id: int, job_id: int, attempt: int) -> Path:
        return log_path(self.home, run_id, job_id, attempt)

    def shell_path(self, run_id: int, job_id: int, attempt: int) -> Path:
        """What shells into the attempt's box have shown, secrets hidden; there is none before the first."""
        return self.log_path(run_id, job_id, attempt).with_suffix(".shell")

    def work_folder(self, job_id: int, attempt: int) -> Path:
        """The attempt's own folder: its channel to the box and what its workspace is made of."""
        return self.home / "work" / f"{job_id}-{attempt}"

    def close(self) -> None:
        self.database.close_thread()


def open_store(home: Path, *, create: bool = False) -> Store:
    """Open the store of a home, making the home first if asked. Raises EngineError when there is, or can be, none."""
    if create:
        for folder in (home, *(home / name for name in FOLDERS)):
            make_folder(folder)
    refuse_lost(home)
    if not create and not (home / DATABASE).exists():
        raise EngineError(f"There is nothing in {home} yet.", "Run `treadle run` in a repository first.")
    return Store(home)


def refuse_lost(home: Path) -> None:
    """Raise EngineError for a home whose runs have their logs there, but whose database is empty or gone.

    A new one would give their numbers to other runs, and whatever nobody knows would be swept from the disk.
    """
    path = home / DATABASE
    try:
        state = "is not there" if not path.exists() else "" if path.stat().st_size else "is empty"
        if state and any(one.name.isdecimal() for one in (home / "logs").iterdir()):
            raise EngineError(f"{path} {state}, though runs have left their logs beside it.", RESTORE)
    except OSError:
        return  # whoever opens it says what is wrong


def make_folder(folder: Path) -> None:
    """Have a home, or a folder in one, be there, for its owner alone. Raises EngineError when it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        if folder.is_symlink() and not folder.is_dir():
            raise EngineError(
                f"{folder} leads to {folder.readlink()}, which is no folder.", "Mount it, or remove the link."
            ) from None
        raise EngineError(
            f"The folder {folder} cannot be made: {error.strerror or error}.",
            "Name a home that you may write in, with --home or as TREADLE_HOME.",
        ) from error
