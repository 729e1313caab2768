"""`treadle cache`: what `actions/cache` keeps in this home, and its removal."""

import argparse
from datetime import datetime

from app.cli.deeds import Deed, add_deeds, carry_out
from app.cli.listing import Listing, Told
from app.cli.output import print_json, talk
from app.cli.source import source_of
from app.wording import age_of, size
from engine.core.errors import EngineError


def configure(parser: argparse.ArgumentParser) -> None:
    add_deeds(
        parser,
        (
            Deed("list", "list all entries, the one used last first", _of_repo, _list),
            Deed("remove", "remove entries by their id or their key", _named, _remove),
        ),
    )


execute = carry_out


def _of_repo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repo", metavar="NAME", help="only of this repository")


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="ID|KEY", help="an id, or a key: then on all branches")
    _of_repo(parser)


def _list(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        found = source.caches(args.repo)
    CACHES.show(found, as_json=args.json)
    return 0


def _row(one: Told, now: datetime) -> tuple[str, ...]:
    return (
        one["id"], one["repo"], one["ref"].removeprefix("refs/heads/"), one["key"], size(one["size_bytes"]),
        size(one["stored_bytes"]), age_of(one["used_at"], now),
    )  # fmt: skip


CACHES = Listing(
    ("ID", "REPO", "BRANCH", "KEY", "SIZE", "ON DISK", "USED"), _row, "KEY", nothing="No caches.", spare=("REPO",)
)


def _remove(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        gone = source.remove_caches(args.name, args.repo)
    if not gone:
        raise EngineError(f"There is no cache {args.name!r}.", "`treadle cache list` names them.")
    if args.json:
        print_json(gone)
    else:
        talk(f"{len(gone)} removed.")
    return 0
