"""`treadle prune`: has what is old enough go, or tells what would go and why."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.cli.admin import admin_of
from app.cli.output import print_json, print_table, talk
from app.wording import count_of, size

HEADER = ("KIND", "RUN", "ARTIFACT", "SIZE", "WHY")
NOUNS = {"run": ("", "run"), "files": ("the files of ", "run"), "artifact": ("", "artifact")}
Told = Mapping[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="tell it, and remove nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        told = admin.prune(args.dry_run)
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
