"""`treadle prune`: has what is old enough go, or tells what would go and why."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.cli.output import print_json, print_table, talk
from app.cli.place import home_of
from app.cli.source import check_where
from app.wording import count_of, size
from engine.core.errors import EngineError

HEADER = ("KIND", "RUN", "ARTIFACT", "SIZE", "WHY")
NOUNS = {"run": ("", "run"), "files": ("the files of ", "run"), "artifact": ("", "artifact")}
Told = Mapping[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="tell it, and remove nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(args: argparse.Namespace) -> int:
    check_where(args)
    told = _told(args)
    if args.json:
        print_json(told)
        return 0
    rows = [
        (one["kind"], f"r{one['run']}", one["artifact"] or "", size(one["size_bytes"]), one["why"])
        for one in told["going"]
    ]
    if rows:
        print_table(HEADER, rows, "WHY", ("ARTIFACT",))
    talk(_summary(told))
    if told["engine"] and not told["dry_run"] and (rows or told["garbage"]["contents"]):
        talk("The engine of this home removes it, a little at a time.")
    return 0


def _summary(told: Told) -> str:
    """Return in one sentence what goes."""
    parts = [NOUNS[kind][0] + count_of(count, NOUNS[kind][1]) for kind, count in told["counts"].items()]
    what = f"{', '.join(parts)} ({size(told['size_bytes'])})" if parts else "nothing"
    garbage = told["garbage"]
    unused = f"; of contents that nothing refers to, {garbage['contents']} ({size(garbage['size_bytes'])})"
    verb = "Would go" if told["dry_run"] else "Going" if told["engine"] else "Gone"
    return f"{verb}: {what}{unused if garbage['contents'] else ''}."


def _told(args: argparse.Namespace) -> Told:
    """Return what goes; of a home without an engine it has gone by then."""
    from app.client import Client

    if args.connect is not None:
        from app.cli.remote import client_at, translated

        client = client_at(args.connect, args.token)
        with translated(client):
            return _asked(client, args.dry_run)
    home = home_of(args)
    client = Client.of_home(home)
    if client.is_there():
        return _asked(client, args.dry_run)
    return _here(args)


def _asked(client: Any, dry_run: bool) -> Told:
    return dict(client.post("/prune", {"dry_run": dry_run})) | {"engine": True}


def _here(args: argparse.Namespace) -> Told:
    from app.cli.repo_names import settings_here
    from app.views.prune import prune_view
    from engine.control.retention import pruning_of
    from engine.core.clock import SystemClock
    from engine.home import HomeLock
    from engine.store.artifacts import Artifacts
    from engine.store.store import open_store

    home, now, rules = home_of(args), SystemClock().now(), settings_here(args).retention
    store = open_store(home)
    lock = HomeLock(home)
    try:
        if not args.dry_run and not lock.take():
            raise EngineError("A `treadle run` works on this home.", "Wait for its end.")
        pruning = pruning_of(store, Artifacts(home / "artifacts"))
        told = prune_view(pruning, rules, now)
        if not args.dry_run:
            for _ in pruning.steps(rules, now):
                pass
    finally:
        lock.release()
        store.close()
    return told | {"dry_run": args.dry_run, "engine": False}
