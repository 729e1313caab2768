"""`treadle backup`: a home in one tar, written while the home works."""

import argparse
import os
import secrets
import sys
from pathlib import Path
from typing import IO, Any

from app.cli.output import print_json, talk
from app.cli.place import home_with_runs
from app.cli.repo_names import config_path
from app.wording import size
from engine.core.clock import SystemClock
from engine.core.errors import EngineError, SettingsError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.tar", help="where to; replaced when the new one is whole. `-`: stdout")
    parser.add_argument("--json", action="store_true", help="tell in JSON what is in it")


def execute(args: argparse.Namespace) -> int:
    home = home_with_runs(args)
    told = _to_stdout(args, home) if args.file == "-" else _to_file(args, home, Path(args.file).expanduser())
    if args.json and args.file != "-":
        print_json(told)
    else:
        talk(f"{told['runs']} runs, {told['files']} files, {size(told['size_bytes'])}.")
    if (home / "secret.key").exists():
        talk("The key to the secrets is in it: keep it as you would keep them.")
    for name in told["incomplete"]:
        talk(f"Left out, since contents of it are not on the disk: {name}")
    return 0


def _to_stdout(args: argparse.Namespace, home: Path) -> dict[str, Any]:
    if sys.stdout.isatty():
        raise EngineError("A tar is nothing for a terminal.", "Send it to a file or a pipe.")
    if args.json:
        raise SettingsError("With `-` the tar itself is on stdout.", "Leave --json away.")
    return _write(args, home, sys.stdout.buffer)


def _to_file(args: argparse.Namespace, home: Path, path: Path) -> dict[str, Any]:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
            told = _write(args, home, out)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except OSError as error:
        raise EngineError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return told


def _write(args: argparse.Namespace, home: Path, out: IO[bytes]) -> dict[str, Any]:
    from engine.store.copies.backup import write_backup

    return write_backup(home, out, SystemClock().now(), config_path(args))
