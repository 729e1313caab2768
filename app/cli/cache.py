"""`treadle cache`: what `actions/cache` keeps in this home, and its removal."""

import argparse
import sys
from typing import Any

from app.cli.deeds import Deed, add_deeds, carry_out
from app.cli.output import colour_wanted, print_json, table, talk, terminal_width
from app.cli.place import home_of
from app.wording import age, size
from engine.core.clock import SystemClock, rfc3339
from engine.core.errors import EngineError
from engine.store.caches import Cache, Caches

NAME = "cache"
HELP = "list and remove what actions/cache keeps"
HEADER = ("ID", "REPO", "BRANCH", "KEY", "SIZE", "ON DISK", "USED")


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
    found = _caches(args).list(args.repo)
    if args.json:
        print_json([_told(one) for one in found])
    elif not found:
        talk("No caches.")
    else:
        now = SystemClock().now()
        rows = [
            (one.id, one.repo, one.scope.removeprefix("refs/heads/"), one.key, size(one.size_bytes),
             size(one.stored_bytes), age(one.used_at, now))
            for one in found
        ]  # fmt: skip
        print(*table(HEADER, rows, 3, terminal_width(), colour_wanted(sys.stdout), ("REPO",)), sep="\n")
    return 0


def _remove(args: argparse.Namespace) -> int:
    caches = _caches(args)
    found = [one for one in caches.list(args.repo) if args.name in (one.id, one.key)]
    if not found:
        raise EngineError(f"There is no cache {args.name!r}.", "`treadle cache list` names them.")
    for one in found:
        caches.remove(one)
    if args.json:
        print_json([_told(one) for one in found])
    else:
        talk(f"{len(found)} removed.")
    return 0


def _caches(args: argparse.Namespace) -> Caches:
    home = home_of(args)
    if not (home / "treadle.db").exists():
        raise EngineError(f"There is nothing in {home} yet.", "Run `treadle run` in a repository first.")
    return Caches(home / "cache" / "actions")


def _told(one: Cache) -> dict[str, Any]:
    return {
        "id": one.id,
        "repo": one.repo,
        "ref": one.scope,
        "key": one.key,
        "size_bytes": one.size_bytes,
        "stored_bytes": one.stored_bytes,
        "created_at": rfc3339(one.created_at),
        "used_at": rfc3339(one.used_at),
    }
