"""`treadle` without a command: the terminal UI on this home, or on a remote engine."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import sys
import threading
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.place import home_of
from app.client import Client
from app.tui.prefs import Prefs
from app.tui.session import HomeSession, Session
from engine.core.errors import EngineError
from widgets.safe_text import plain

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

log = logging.getLogger(__name__)
LOG = "treadle.log"
LOG_BYTES = 1 << 20
LEAVE_S = 9.0  # the longest that an engine of this process may take to stop, once the screen is gone
NOT_A_TERMINAL = (
    "The terminal UI needs a terminal. `treadle --headless` runs the engine alone; `treadle --help` tells the rest."
)


def execute(args: argparse.Namespace) -> int:
    """Show the UI until the person leaves; return its exit code. Raises EngineError before anything is shown."""
    in_browser = "TEXTUAL_DRIVER" in os.environ  # `treadle web` speaks to it over pipes
    if not (in_browser or (sys.stdin.isatty() and sys.stdout.isatty())):
        print(f"treadle: {NOT_A_TERMINAL}", file=sys.stderr)
        return 2
    gc.disable()  # collecting while the first frame is made costs a tenth of it
    home = home_of(args)
    session: Session
    if args.connect:
        session = Session(Client.of_url(args.connect, args.token or os.environ.get("TREADLE_TOKEN")))
        folder = None
        logging.disable()
    else:
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise EngineError(f"{home} cannot be made: {error.strerror}.", "--home names another folder.") from error
        session = HomeSession(home, Path(args.config) if args.config else None, Path.cwd())
        folder = home
        _log_to(home / LOG)
    from app.tui.terminal import TerminalDriver, shown
    from app.tui.tui import TreadleApp

    app = TreadleApp(
        session,
        Prefs(home if home.is_dir() else None),
        folder=folder,
        ascii=args.ascii,
        read_only=args.read_only,
        driver_class=None if in_browser else TerminalDriver,
    )
    code = 1
    try:
        code = asyncio.run(shown(app))
    finally:
        impatience = threading.Timer(LEAVE_S, os._exit, (code,))  # leaves what does not stop as a kill does: unharmed
        impatience.daemon = True
        impatience.start()
        app.feed.stop()
        app.prefs.keep()
        session.stop()
        impatience.cancel()
    with contextlib.suppress(OSError):  # a terminal that is closed
        _say_goodbye(app, folder)
    return code


def _say_goodbye(app: "TreadleApp", folder: Path | None) -> None:
    """Print how the runs that were started here stand, and what the UI failed of, if it did."""
    from app.tui.leaving import farewell

    for line in farewell(app):
        print(line, flush=True)
    if app.crash is not None:
        what = plain(f"{type(app.crash).__name__}: {app.crash}")
        print(f"treadle: the terminal UI failed ({what}). Running jobs are not touched by that.", file=sys.stderr)
        if folder is None:
            traceback.print_exception(app.crash)
        else:
            log.error("the terminal UI failed", exc_info=app.crash)
            print(f"{folder / LOG} tells where it failed.", file=sys.stderr)


def _log_to(path: Path) -> None:
    """Have the engine's log in a file: the terminal is the UI's."""
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, delay=True)
    logging.getLogger("app.server").setLevel(logging.WARNING)  # not a line for each look of this UI
    logging.basicConfig(handlers=[handler], level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
