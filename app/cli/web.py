"""`treadle web`: the terminal UI in a browser, for whoever has the address that it prints."""

import argparse
import asyncio
import ipaddress
import json
import logging
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.cli.options import count
from app.cli.output import talk
from app.cli.place import home_of
from engine.core.errors import EngineError, SettingsError
from engine.settings.model import Listen
from engine.settings.values import listen_of

if TYPE_CHECKING:
    from app.tui.session import HomeSession
    from app.web.child import Child

LISTEN = "127.0.0.1:8485"
CAP = 4
LOOK_S, ENGINE_S = 0.05, 10.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", metavar="HOST:PORT", default=LISTEN, help=f"where to listen (default: {LISTEN})")
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="where a proxy with TLS lets browsers in, such as https://ci.example; any --listen but loopback needs it",
    )
    parser.add_argument(
        "--cap", metavar="N", type=count, default=CAP, help=f"sessions at once, a process each (default: {CAP})"
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--read-only", action="store_true", help="show all, change nothing (the default)")
    mode.add_argument("--writable", action="store_true", help="let browsers act, too")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII alone")
    parser.add_argument("--json", action="store_true", help="print the address as a JSON object")


def execute(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; return 0 after an orderly end. Raises EngineError."""
    listen, public_url = listen_of(args.listen), public_of(args.public_url)
    if listen is None:
        raise SettingsError(f"--listen {args.listen}: give an address and a port, such as {LISTEN}.")
    if not is_loopback(listen.host) and public_url is None:
        raise SettingsError(
            f"{listen.host} can be reached from elsewhere, and what is typed would travel unencrypted.",
            "Put a proxy with TLS before it and say --public-url https://NAME, or listen on 127.0.0.1 and use ssh -L.",
        )
    try:
        import textual_serve  # noqa: F401
    except ImportError:
        raise EngineError("The browser needs a package that is not installed.", "pip install 'treadle[web]'") from None
    from app.tui.session import HomeSession
    from app.web.child import NOWHERE, treadle
    from engine.store.store import make_folder

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    home = home_of(args)
    make_folder(home)
    config = Path(args.config).expanduser().absolute() if args.config else None
    child = treadle(home, config, read_only=not args.writable, ascii=args.ascii)
    session = HomeSession(home, config, NOWHERE)
    session.start()
    try:
        _await_engine(session)
        asyncio.run(_serve(child, listen, public_url, home, args))
    finally:
        session.stop()
    return 0


async def _serve(child: "Child", listen: Listen, public_url: str | None, home: Path, args: argparse.Namespace) -> None:
    from app.web.server import serving

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: os._exit(1) if stop.is_set() else stop.set())
    async with serving(child, listen, args.cap, public_url=public_url, title=f"treadle {home.name}") as (_, guard):
        rights = "for reading and acting" if args.writable else "for reading alone"
        talk(f"The UI of {home}, {rights}. Open this address:")
        print(json.dumps({"url": guard.url}) if args.json else guard.url, flush=True)
        await stop.wait()
        talk("Stopping. Open tabs end, running jobs do not.")


def _await_engine(session: "HomeSession") -> None:
    """Return when an engine answers for this home, lest a tab's UI becomes one, or when it is clear that none does."""
    from app.tui.session import Mode

    pause = threading.Event()
    for _ in range(round(ENGINE_S / LOOK_S)):
        if session.mode is not Mode.STARTING or session.problem:
            break
        pause.wait(LOOK_S)
    for note in (*session.notes, session.problem):
        if note:
            talk(note)


def public_of(text: str | None) -> str | None:
    """Return the origin that `--public-url` means. Raises SettingsError when it is more or less than one."""
    if text is None:
        return None
    try:
        url = urlsplit(text)
        is_origin = url.scheme == "https" and url.hostname and url.port != 0 and "@" not in url.netloc
    except ValueError:
        is_origin = False
    if not is_origin or url.path.strip("/") or url.query or url.fragment:
        raise SettingsError(f"--public-url {text}: give https, a name and nothing after it, as https://ci.example.")
    return f"https://{url.netloc}"


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
