"""`treadle events`: what came in, and what became of it."""

import argparse
from datetime import datetime

from app.cli.listing import Listing, Told
from app.cli.options import count
from app.cli.source import source_of
from app.wording import age_of, short_ref

STATUSES = ("received", "planned", "dropped")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repo", metavar="NAME", help="only of this repository")
    parser.add_argument("--status", choices=STATUSES, help="only those that wait, were planned, or came to nothing")
    parser.add_argument("--before", type=count, metavar="EVENT", help="only events older than this id")
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="at most so many (default: 20)")
    parser.add_argument("--json", action="store_true", help="print a JSON array, with the verdict on each workflow")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        events = source.events(args.repo, args.status, args.before, args.limit)["inbox"]
    EVENTS.show(events, as_json=args.json)
    return 0


def _row(event: Told, now: datetime) -> tuple[str, ...]:
    about = event["about"]
    return (
        str(event["id"]), age_of(event["received_at"], now), event["repo"], event["kind"],
        event["source"], short_ref(about["ref"] or ""), about["actor"] or "", _became(event),
    )  # fmt: skip


EVENTS = Listing(
    ("EVENT", "AGE", "REPO", "KIND", "FROM", "REF", "BY", "BECAME"), _row, "BECAME", nothing="No events.",
    spare=("BY", "FROM", "AGE", "REPO"),
)  # fmt: skip


def _became(event: Told) -> str:
    """Say what came of an event: its runs, or why there are none, or none yet."""
    if event["runs"]:
        return ", ".join(f"r{run['id']} {run['workflow']} {run['status']}" for run in event["runs"])
    if event["status"] == "received":
        return f"waits: {event['problem']}" if event["problem"] else "waits to be planned"
    if event["problem"]:
        return str(event["problem"])
    reasons = [f"{path.rpartition('/')[2]}: {reason}" for path, reason in event["verdicts"].items()]
    return "; ".join(reasons) or "nothing runs"
