"""`treadle token`: who may use the API over TCP."""

import argparse

from app.cli.admin import admin_of
from app.cli.deeds import Deed, add_deeds, carry_out, nothing_more
from app.cli.options import count
from app.cli.output import print_json, print_table, talk
from app.wording import age_of
from engine.core.clock import SystemClock
from engine.store.tokens import SCOPES


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
    parser.add_argument("--name", metavar="NAME", default="", help="whom it is for")
    parser.add_argument("--scope", required=True, choices=SCOPES, help="what it allows; each includes those before it")


def _revoke_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=count, metavar="ID", help="the token's id, as `token list` shows it")


def _create(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        made = admin.create_token(args.name, args.scope)
    if args.json:
        print_json(made)
        return 0
    print(made["token"])
    talk(f"Token {made['id']} ({made['scope']}). Keep it now: it is not shown again.")
    return 0


def _list(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        tokens = admin.tokens()
    if args.json:
        print_json(tokens)
        return 0
    if not tokens:
        talk("No tokens. `treadle token create --scope read` makes one.")
        return 0
    rows = [
        (str(one["id"]), one["scope"], one["name"], _since(one["created_at"]), _since(one["used_at"])) for one in tokens
    ]
    header = ("ID", "SCOPE", "NAME", "MADE", "USED")
    print_table(header, rows, "NAME")
    return 0


def _since(at: str | None) -> str:
    return age_of(at, SystemClock().now()) if at else "never"


def _revoke(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        done = admin.revoke_token(args.id)
    if args.json:
        print_json(done)
    else:
        talk(f"Token {args.id} is worthless now.")
    return 0
