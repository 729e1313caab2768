"""`treadle cache`: what `actions/cache` keeps in this home, and its removal."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.cli.deeds import Deed, add_deeds, carry_out
from app.cli.output import print_json, print_table, talk
from app.cli.place import home_with_runs
from app.cli.source import check_where
from app.views.caches import caches_view, remove_caches
from app.wording import age_of, size
from engine.core.clock import SystemClock
from engine.core.errors import EngineError

HEADER = ("ID", "REPO", "BRANCH", "KEY", "SIZE", "ON DISK", "USED")
Told = dict[str, Any]


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
    found = _asked(args, "get", {"repo": args.repo}, lambda home: caches_view(home, args.repo))
    if args.json:
        print_json(found)
    elif not found:
        talk("No caches.")
    else:
        now = SystemClock().now()
        rows = [
            (one["id"], one["repo"], one["ref"].removeprefix("refs/heads/"), one["key"], size(one["size_bytes"]),
             size(one["stored_bytes"]), age_of(one["used_at"], now))
            for one in found
        ]  # fmt: skip
        print_table(HEADER, rows, "KEY", ("REPO",))
    return 0


def _remove(args: argparse.Namespace) -> int:
    query = {"name": args.name, "repo": args.repo}
    gone = _asked(args, "delete", query, lambda home: remove_caches(home, args.name, args.repo))
    if not gone:
        raise EngineError(f"There is no cache {args.name!r}.", "`treadle cache list` names them.")
    if args.json:
        print_json(gone)
    else:
        talk(f"{len(gone)} removed.")
    return 0


def _asked(
    args: argparse.Namespace, method: str, query: Mapping[str, Any], here: Callable[[Path], list[Told]]
) -> list[Told]:
    """Return the answer of the engine of `--connect`, else that of the home's files, which need no engine."""
    check_where(args)
    if args.connect is not None:
        from app.cli.remote import client_at, translated

        client = client_at(args.connect, args.token)
        with translated(client):
            return list(getattr(client, method)("/caches", query)["caches"])
    return here(home_with_runs(args))
