"""`treadle token`: who may use the API over TCP."""

import argparse
from datetime import datetime

from app.cli.admin import admin_of
from app.cli.deeds import Deed, add_deeds, carry_out, nothing_more
from app.cli.listing import Listing, Told
from app.cli.options import count
from app.cli.output import print_json, talk
from app.wording import age_of
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
    TOKENS.show(tokens, as_json=args.json)
    return 0


def _row(one: Told, now: datetime) -> tuple[str, ...]:
    used = age_of(one["used_at"], now) if one["used_at"] else "never"
    return (str(one["id"]), one["scope"], one["name"], age_of(one["created_at"], now), used)


TOKENS = Listing(
    ("ID", "SCOPE", "NAME", "MADE", "USED"), _row, "NAME",
    nothing="No tokens. `treadle token create --scope read` makes one.",
)  # fmt: skip


def _revoke(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        done = admin.revoke_token(args.id)
    if args.json:
        print_json(done)
    else:
        talk(f"Token {args.id} is worthless now.")
    return 0
