"""What `treadle doctor` looks at, each check on its own: one that breaks never hides the others."""

import os
import shlex
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.cli.repo_names import Environment
from app.wording import size
from engine.core.errors import EngineError, ExecutorUnavailable, SettingsError
from engine.settings.model import Settings, load

ROOM_BYTES = 2 << 30
SQLITE = (3, 35, 0)
OPEN_RIGHTS = 0o077


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `state` is ok, warn or fail; `fix` is what to do about it. `executor`: without it no job can run."""

    name: str
    state: str
    message: str
    fix: str = ""
    executor: bool = False


def checkup(home: Path, config: Path | None, *, deep: bool = False) -> Iterator[Check]:
    """Look at the machine, the home, the configuration, its disk and the executor, in this order.

    If `deep`, read all of the home as well, which takes its time.
    """
    yield _python()
    yield _sqlite(home)
    yield _git()
    yield from _home(home)
    yield _engine(home)
    settings, found = _settings(home, config)
    yield found
    yield _disk(home, settings)
    if deep and (home / "treadle.db").exists():
        from app.cli.deep_checkup import deep_checkup

        yield from (Check(*told) for told in deep_checkup(home))
    if settings is not None and settings.executor == "host":
        yield _host()
    else:
        yield from _docker(home, settings)
    if settings is not None and wants_swarm(settings):
        yield _swarm(settings)


def _python() -> Check:
    return Check("python", "ok", f"Python {'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}")


def _sqlite(home: Path) -> Check:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SQLITE:
        return Check(
            "sqlite", "fail", f"SQLite {version} is too old", "Use a Python that comes with SQLite 3.35 or newer."
        )
    try:
        with tempfile.TemporaryDirectory(dir=_nearest(home)) as folder:
            handle = sqlite3.connect(Path(folder) / "try.db")
            mode = handle.execute("pragma journal_mode=wal").fetchone()[0]
            handle.close()
    except (OSError, sqlite3.Error) as error:
        return Check("sqlite", "fail", f"SQLite {version} cannot write at the home: {error}", "Choose another --home.")
    if mode != "wal":
        fix = "Put the home on a local disk: network file systems lack what WAL needs."
        return Check("sqlite", "fail", f"SQLite {version}, but no WAL at the home", fix)
    return Check("sqlite", "ok", f"SQLite {version}, WAL works at the home")


def _git() -> Check:
    try:
        from engine.git.repository import discover

        discover(Path("/"))
    except (ImportError, OSError, EngineError) as error:
        return Check(
            "git",
            "fail",
            f"libgit2 does not work: {error}",
            "Install treadle again: pip install --force-reinstall treadle",
        )
    if shutil.which("git") is None:
        return Check(
            "git", "warn", "libgit2 works; there is no git command", "Host jobs that call git need it: install git."
        )
    return Check("git", "ok", "libgit2 works, git is there")


def _home(home: Path) -> Iterator[Check]:
    place = _nearest(home)
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
    if (home / "treadle.db").exists():
        yield _database(home)


def _disk(home: Path, settings: Settings | None) -> Check:
    """Tell how much room there is, whether it is above the floor, and what takes it."""
    usage = shutil.disk_usage(_nearest(home))
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


def _database(home: Path) -> Check:
    """Ask SQLite about the file, without opening it as a store: looking must not migrate it."""
    from engine.store.soundness import FROM_BACKUP, check_database

    try:
        for fault in check_database(home / "treadle.db", deep=False):
            return Check("database", "fail", fault.what, fault.advice)
    except sqlite3.Error as error:
        return Check("database", "fail", f"treadle.db cannot be read: {error}", FROM_BACKUP)
    return Check("database", "ok", "treadle.db is whole")


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


def _settings(home: Path, config: Path | None) -> tuple[Settings | None, Check]:
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


def wants_swarm(settings: Settings) -> bool:
    return settings.executor == "swarm" or any(image.startswith("swarm:") for image in settings.labels.values())


def _swarm(settings: Settings) -> Check:
    from engine.worker.docker.client import DockerClient
    from engine.worker.swarm.facts import swarm_facts

    client = DockerClient()
    try:
        facts = swarm_facts(client, settings.swarm)
    except ExecutorUnavailable as error:
        return Check("swarm", "fail", error.args[0], error.fix, executor=True)
    finally:
        client.close()
    message = f"a manager; {facts.nodes} nodes ready; their tasks dial {facts.host}:{facts.port}"
    if not facts.has_busybox:
        fix = "Install busybox-static, which is sent to them."
        return Check("swarm", "warn", f"{message}; images without openssl cannot be used", fix)
    return Check("swarm", "ok", message)


def _host() -> Check:
    from engine.worker.host.executor import HostExecutor

    return _try("host", lambda: HostExecutor("doctor").check(), "jobs run as processes on this machine")


def _try(name: str, check: Callable[[], None], message: str) -> Check:
    try:
        check()
    except ExecutorUnavailable as error:
        return Check(name, "fail", error.args[0], error.fix, executor=True)
    return Check(name, "ok", message)


def _docker(home: Path, settings: Settings | None) -> Iterator[Check]:
    from engine.worker.docker.facts import docker_facts

    try:
        facts = docker_facts()
    except ExecutorUnavailable as error:
        yield Check("docker", "fail", error.args[0], error.fix, executor=True)
        return
    rootless = ", rootless" if facts.rootless else ""
    yield Check("docker", "ok", f"Docker {facts.version}, API {facts.api}, {facts.storage_driver}{rootless}")
    if home.exists():
        from engine.worker.docker.sight import check_sight

        yield _try("sight", lambda: check_sight(home), "the Docker Engine sees the home")
        yield from _leftovers(home)
    if facts.cgroup_version == "2":
        yield Check("cgroup", "ok", "cgroup v2: limits and out-of-memory kills are seen")
    else:
        fix = "Boot with systemd.unified_cgroup_hierarchy=1."
        yield Check("cgroup", "warn", "cgroup v1: out-of-memory kills may be reported as plain failures", fix)
    yield _overlay()
    for label, image in sorted((settings.labels if settings else {}).items()):
        yield _image(label, image, facts.images)


def _leftovers(home: Path) -> Iterator[Check]:
    """Tell what of this home there is in Docker; an engine removes what its jobs left, at its start and hourly."""
    from engine.home import home_id
    from engine.worker.docker.client import DockerClient
    from engine.worker.docker.sweep import DockerSweep
    from engine.worker.last_use import LastUse

    if not (home / "home.id").exists():
        return  # it has never had any
    client = DockerClient()
    try:
        ours = DockerSweep(client, home_id(home), tuple, LastUse(home)).tell()
    except EngineError as error:
        yield Check("docker objects", "warn", str(error), "See what `docker info` says.")
        return
    finally:
        client.close()
    counts = [
        (ours.containers, f"containers ({ours.running} running)"),
        (ours.networks, "networks"),
        (ours.volumes, "volumes"),
        (ours.images, f"built images ({size(ours.images_bytes)})"),
    ]
    said = ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing of this home"
    stopped = ours.containers - ours.running
    if stopped:
        mark = f"label=treadle={home_id(home)}"
        fix = f"The engine removes them within the hour; by hand: docker rm $(docker ps -aqf {mark} -f status=exited)"
        yield Check("docker objects", "warn", said, fix)
    else:
        yield Check("docker objects", "ok", said)


def _overlay() -> Check:
    try:
        known = "\toverlay\n" in Path("/proc/filesystems").read_text()
    except OSError:
        known = False
    if known:
        return Check("overlay", "ok", "workspaces can be copy-on-write views")
    return Check("overlay", "warn", "no overlay file system: workspaces are copied", "modprobe overlay")


def _image(label: str, image: str, here: frozenset[str]) -> Check:
    name = f"label {label}"
    if image == "host":
        return Check(name, "ok", "runs as processes on this machine")
    if image.startswith("swarm:"):
        return Check(
            name, "ok", f"{image.removeprefix('swarm:')}, in the swarm: the node that runs the job has it pulled"
        )
    wanted = image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"
    if wanted in here:
        return Check(name, "ok", wanted)
    return Check(name, "warn", f"{wanted} is not here; the first job that needs it pulls it", f"docker pull {wanted}")


def _nearest(home: Path) -> Path:
    """Return the home, or the nearest folder above it that exists."""
    return next(folder for folder in (home, *home.parents) if folder.is_dir())
