"""`treadle --headless`: the engine alone, with its server, until SIGTERM or SIGINT."""

import argparse
import faulthandler
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from app.cli.output import talk
from app.cli.place import home_of
from app.cli.repo_names import config_path
from app.server.main import Server
from engine.core.errors import EngineError, ExecutorUnavailable
from engine.home import HomeLock
from engine.settings.model import load
from engine.store.store import open_store

LEAVE_S = 9.0  # 10 s are promised
SWITCH_S = 0.001


def execute(args: argparse.Namespace) -> int:
    """Run until told to stop; return 0 after an orderly end. Raises EngineError when the home has an engine."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set() if not stop.is_set() else os._exit(1))
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    home = home_of(args)
    settings = load(home, Path(args.config) if args.config else None, os.environ)
    for note in settings.notes:
        talk(note)
    store = open_store(home, create=True)
    lock = HomeLock(home)
    if not lock.take():
        raise EngineError(
            f"Another engine runs on {home} already (process {lock.holder()}).",
            "Use that one, stop it, or give this one another --home.",
        )
    sys.setswitchinterval(SWITCH_S)
    server = Server(settings, store, lock, config=config_path(args)).start()
    host, port = server.address or ("", 0)
    talk(f"Listening on http://{f'[{host}]' if ':' in host else host}:{port}, home {home}.")
    if settings.executor == "docker":
        _say_what_jobs_lack(home)
    stop.wait()
    talk("Stopping. Running jobs go on in their containers; the next start takes them up again.")
    timer = threading.Timer(LEAVE_S, _leave)
    timer.daemon = True
    timer.start()
    server.stop()
    store.close()
    return 0


def _say_what_jobs_lack(home: Path) -> None:
    from engine.worker.docker.sight import check_sight

    try:
        check_sight(home)
    except ExecutorUnavailable as missing:
        talk(f"Jobs in containers cannot run: {missing}")


def _leave() -> None:
    """End now. What has not stopped by itself is left as by a kill, which loses nothing."""
    talk("Something does not stop; leaving it as it is.")
    if os.environ.get("TREADLE_DEBUG"):
        faulthandler.dump_traceback()
    os._exit(0)
