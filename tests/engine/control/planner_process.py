"""A process that plans the inbox of a home until it is killed: `planner_process.py HOME NAME URL`."""

import sys
import threading
from pathlib import Path

from engine.bus import Bus
from engine.control.inbox.planner import Planner
from engine.control.mirrors import Mirrors
from engine.core.clock import SystemClock
from engine.settings.live import LiveSettings
from engine.settings.model import RepoSettings, Settings
from engine.store.store import open_store


def main(home: Path, name: str, url: str) -> None:
    settings = Settings(home=home, repos=(RepoSettings(name, url),))
    Planner(open_store(home), LiveSettings(settings), Bus(), SystemClock(), Mirrors(home)).start()
    print("planning", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
