"""`treadle secret`: what jobs may know and nobody may see. Values come on stdin, never as arguments."""

import argparse
import getpass
import sys
from datetime import datetime

from app.cli.admin import admin_of
from app.cli.deeds import Deed, add_deeds, carry_out
from app.cli.listing import Listing, Told
from app.cli.output import print_json, talk
from app.wording import age_of
from engine.core.errors import EngineError
from engine.store.vault import LONGEST


def configure(parser: argparse.ArgumentParser) -> None:
    add_deeds(
        parser,
        (
            Deed("set", "keep a secret; its value is read from stdin", _named, _set),
            Deed("list", "list the names of secrets", _of_repo, _list),
            Deed("remove", "forget a secret", _named, _remove),
        ),
    )


execute = carry_out


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="as in `secrets.NAME`")
    _of_repo(parser)
    parser.add_argument("--environment", metavar="NAME", help="for jobs in this environment alone")


def _of_repo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repo", metavar="NAME", help="of this repository alone (default: of all)")


def _set(args: argparse.Namespace) -> int:
    value = _value(args.name)
    with admin_of(args) as admin:
        kept = admin.set_secret(args.name, value, args.repo, args.environment)
    if args.json:
        print_json(kept)
    else:
        where = f" in the environment {args.environment}" if args.environment else ""
        talk(f"{kept['name']} is kept, for {args.repo or 'all repositories'}{where}.")
    return 0


def _list(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        found = admin.secrets(args.repo)
    SECRETS.show(found, as_json=args.json)
    return 0


def _row(one: Told, now: datetime) -> tuple[str, ...]:
    return (one["name"], one["repo"] or "(all)", one["environment"] or "", age_of(one["updated_at"], now))


SECRETS = Listing(
    ("NAME", "REPO", "ENVIRONMENT", "SET"), _row, "NAME",
    nothing="No secrets. `treadle secret set NAME < FILE` keeps one.",
)  # fmt: skip


def _remove(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        gone = admin.remove_secret(args.name, args.repo, args.environment)
    if args.json:
        print_json(gone)
    else:
        talk(f"{gone['name']} is forgotten. Runs that were planned before still have it.")
    return 0


def _value(name: str) -> str:
    """Read the value: from a prompt that shows nothing on a terminal, else all of stdin but one newline at its end."""
    if sys.stdin.isatty():
        return getpass.getpass(f"Value of {name}: ")
    data = sys.stdin.buffer.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise EngineError(f"The value is larger than {LONGEST >> 10} KiB.")
    try:
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise EngineError("The value is not UTF-8.", "Encode it first, as base64 for example.") from None
