"""Whether a home is sound at first sight: its folder, its database, its engine, its configuration and its disk."""

import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from app.cli.checks.check import Check, nearest
from app.cli.place import has_database
from app.cli.repo_names import Environment
from app.wording import size
from engine.core.errors import EngineError, SettingsError
from engine.settings.model import Settings, load

ROOM_BYTES = 2 << 30
OPEN_RIGHTS = 0o077


def folder(home: Path) -> Iterator[Check]:
    """Look at the folder, the database in it, and whether an engine runs on it."""
    yield from _home(home)
    yield _engine(home)


def _home(home: Path) -> Iterator[Check]:
    place = nearest(home)
    if not os.access(place, os.W_OK | os.X_OK):
        yield Check(
            "home",
            "fail",
            f"{home} cannot be written",
            f"Give this user the right to write in {place}, or choose --home.",
        )
        return
    if home.exists() and home.stat().st_mode & OPEN_RIGHTS:
        fix = f"Logs and artifacts lie there; close it: chmod 700 {shlex.quote(str(home))}"
        yield Check("home", "warn", f"{home} is open to other users of this machine", fix)
    else:
        yield Check("home", "ok", str(home) if home.exists() else f"{home} (made at the first run)")
    if has_database(home):
        yield _database(home)
        yield from _telling(home)
    else:
        yield from _lost(home)


def _lost(home: Path) -> Iterator[Check]:
    """Tell of a database that is not there any more; a home that is new has none yet."""
    from engine.store.store import refuse_lost

    try:
        refuse_lost(home)
    except EngineError as error:
        yield Check("database", "fail", error.args[0], error.fix)


def _database(home: Path) -> Check:
    """Ask SQLite about the file, without opening it as a store: looking must not migrate it."""
    from engine.store.soundness import FROM_BACKUP, check_database

    try:
        for fault in check_database(home / "treadle.db", deep=False):
            return Check("database", "fail", fault.what, fault.advice)
    except sqlite3.Error as error:
        return Check("database", "fail", f"treadle.db cannot be read: {error}", FROM_BACKUP)
    return Check("database", "ok", "treadle.db is whole")


def _telling(home: Path) -> Iterator[Check]:
    """Tell which forges and webhooks have not heard how runs ended."""
    from engine.store.outbox import untold

    try:
        with closing(sqlite3.connect(f"{(home / 'treadle.db').absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = untold(lambda query: database.execute(query).fetchall())
    except sqlite3.Error:
        return  # which is told already
    fix = "What waits is sent once it can be; see the `token:` and `url:` of the repository, or `notify:`."
    for one in found:
        yield Check("telling", "warn", one.sentence, fix)


def _engine(home: Path) -> Check:
    from engine.home import HomeLock

    if not home.exists():
        return Check("engine", "ok", "no engine runs on this home")
    lock = HomeLock(home)
    try:
        if lock.take():
            lock.release()
            return Check("engine", "ok", "no engine runs on this home")
    except OSError as error:
        return Check("engine", "fail", f"treadle.lock cannot be taken: {error}", "Give this user the home's files.")
    return Check("engine", "ok", f"an engine runs on this home (process {lock.holder()})")


def configuration(home: Path, config: Path | None) -> tuple[Settings | None, Check]:
    """Return the settings, as far as they can be read from here, and what is wrong with them."""
    try:
        settings = load(home, config, os.environ)
    except SettingsError as error:
        try:
            elsewhere = load(home, config, Environment())
        except SettingsError:
            return None, Check("configuration", "fail", str(error), "Mend the file; every key has a default.")
        fix = "Nothing to mend if the server has it, from its unit's EnvironmentFile; this shell has not."
        return elsewhere, Check("configuration", "warn", str(error), fix)
    path = config or home / "treadle.yml"
    where = str(path) if path.exists() else "the defaults (there is no treadle.yml)"
    if settings.notes:
        return settings, Check(
            "configuration", "warn", "; ".join(settings.notes), "Mend these lines, or leave them out."
        )
    return settings, Check(
        "configuration", "ok", f"{where}; {settings.worker_count} jobs at once, executor {settings.executor}"
    )


def disk(home: Path, settings: Settings | None) -> Check:
    """Tell how much room there is, whether it is above the floor, and what takes it."""
    usage = shutil.disk_usage(nearest(home))
    floor = (settings or Settings(home)).disk_floor.of(usage.total)
    message = f"{size(usage.free)} free, floor {size(floor)}"
    parts = _usage(home)
    if parts:
        most = ", ".join(f"{part} {size(taken)}" for part, taken in list(parts.items())[:4])
        message += f"; the home takes {size(sum(parts.values()))}: {most}"
    if usage.free < floor:
        fix = f"No job is started. {_room(parts)}"
        return Check("disk", "fail", message, fix)
    if usage.free < max(ROOM_BYTES, 2 * floor):
        return Check("disk", "warn", message, _room(parts))
    return Check("disk", "ok", message)


def _usage(home: Path) -> dict[str, int]:
    from engine.store.usage import usage

    return usage(home) if home.is_dir() else {}


def _room(parts: dict[str, int]) -> str:
    """Return what makes room, what takes most of it first."""
    ways = {
        "logs": "`treadle prune --dry-run` tells which runs could go, `retention: {runs: …, size: …}` when they do.",
        "artifacts, caches and snapshots": "`treadle prune` and `treadle snapshot prune` remove what is old; see "
        "`retention:` in treadle.yml.",
        "search index": "`limits: {search: …}` bounds the search index.",
    }
    ours = [ways[part] for part in parts if part in ways]
    return " ".join([*ours[:2], "`docker system df` tells what Docker takes."])
