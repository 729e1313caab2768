"""`treadle` without a command: the terminal UI on this home, or on a remote engine."""

import argparse
import gc
import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from app.cli.place import home_of
from app.client import Client
from app.tui.prefs import Prefs
from app.tui.session import HomeSession, Session

LOG_BYTES = 1 << 20
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
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        session = HomeSession(home, Path(args.config) if args.config else None, Path.cwd())
        folder = home
        _log_to(home / "treadle.log")
    from app.tui.tui import TreadleApp

    app = TreadleApp(
        session, Prefs(home if home.is_dir() else None), folder=folder, ascii=args.ascii, read_only=args.read_only
    )
    code = 1
    try:
        code = app.run() or 0
    finally:
        app.feed.stop()
        app.prefs.keep()
        session.stop()
    from app.tui.leaving import farewell

    for line in farewell(app):
        print(line)
    return app.return_code or code


def _log_to(path: Path) -> None:
    """Have the engine's log in a file: the terminal is the UI's."""
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, delay=True)
    logging.getLogger("app.server").setLevel(logging.WARNING)  # not a line for each look of this UI
    logging.basicConfig(handlers=[handler], level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
