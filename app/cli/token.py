"""`treadle token`: who may use the API over TCP."""

import argparse
import sys

from app.cli.deeds import Deed, add_deeds, carry_out, nothing_more
from app.cli.naming import home_of
from app.cli.output import colour_wanted, print_json, table, talk, terminal_width
from app.wording import age
from engine.core.clock import SystemClock, rfc3339
from engine.core.errors import EngineError
from engine.store.store import Store, open_store
from engine.store.tokens import SCOPES

NAME = "token"
HELP = "create, list and revoke tokens for the API"


def configure(parser: argparse.ArgumentParser) -> None:
    add_deeds(
        parser,
        (
            Deed("create", "make a token and print it, this once", _create_arguments, _create),
            Deed("list", "list the tokens, without themselves", nothing_more, _list),
            Deed("revoke", "make a token worthless", _revoke_arguments, _revoke),
        ),
    )


execute = carry_out


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="", help="whom it is for")
    parser.add_argument("--scope", required=True, choices=SCOPES, help="what it allows; each includes those before it")


def _revoke_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="the token's id, as `token list` shows it")


def _create(args: argparse.Namespace) -> int:
    store = open_store(home_of(args), create=True)
    try:
        token, text = store.tokens.create(args.name, args.scope, SystemClock().now())
    finally:
        store.close()
    if args.json:
        print_json({"token": text, "id": token.id, "name": token.name, "scope": token.scope})
        return 0
    print(text)
    talk(f"Token {token.id} ({token.scope}). Keep it now: it is not shown again.")
    return 0


def _list(args: argparse.Namespace) -> int:
    store = _existing(args)
    try:
        tokens = store.tokens.list() if store else []
    finally:
        if store:
            store.close()
    if args.json:
        print_json(
            [
                {
                    "id": token.id,
                    "name": token.name,
                    "scope": token.scope,
                    "created_at": rfc3339(token.created_at),
                    "used_at": rfc3339(token.used_at) if token.used_at else None,
                }
                for token in tokens
            ]
        )
        return 0
    if not tokens:
        talk("No tokens. `treadle token create --scope read` makes one.")
        return 0
    now = SystemClock().now()
    rows = [
        (str(one.id), one.scope, one.name, age(one.created_at, now), age(one.used_at, now) if one.used_at else "never")
        for one in tokens
    ]
    print(
        *table(("ID", "SCOPE", "NAME", "MADE", "USED"), rows, 2, terminal_width(), colour_wanted(sys.stdout)), sep="\n"
    )
    return 0


def _revoke(args: argparse.Namespace) -> int:
    store = _existing(args)
    try:
        if store is None or not store.tokens.revoke(args.id):
            raise EngineError(f"There is no token {args.id}.", "`treadle token list` shows those there are.")
    finally:
        if store:
            store.close()
    if args.json:
        print_json({"id": args.id, "revoked": True})
    else:
        talk(f"Token {args.id} is worthless now.")
    return 0


def _existing(args: argparse.Namespace) -> Store | None:
    home = home_of(args)
    return open_store(home) if (home / "treadle.db").exists() else None
