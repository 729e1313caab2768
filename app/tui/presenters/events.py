"""The inbox as rows: what came in, from where, what became of it, and which filter said no."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.tui.presenters.runs import instant
from app.wording import age, short_ref
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain

Told = Mapping[str, Any]
COLUMNS = (
    Column("outcome", "OUTCOME", 12),
    Column("kind", "EVENT", 18),
    Column("repo", "REPO", 16, drop=3),
    Column("ref", "REF", 18, drop=2),
    Column("who", "WHO", 12, drop=1),
    Column("source", "BY", 8, drop=4),
    Column("age", "AGE", 8, right=True),
    Column("why", "WHAT BECAME OF IT"),
)


def event_rows(events: Sequence[Told], now: datetime) -> list[Row]:
    """Return the rows of events, newest first as they came."""
    return [_row(event, now) for event in events]


def outcome(event: Told) -> tuple[str, str]:
    """Return in a word what became of an event, and the status that this looks like."""
    if event["runs"]:
        return f"{len(event['runs'])} run{'' if len(event['runs']) == 1 else 's'}", "success"
    if event["status"] == "received":
        return ("waits again", "retrying") if event["tries"] else ("waits", "queued")
    return ("problem", "failed") if event["problem"] else ("nothing ran", "skipped")


def what_became(event: Told) -> str:
    """Return the sentence that matters most: the problem, else the runs, else why each workflow did not run."""
    if event["problem"]:
        return plain(str(event["problem"]))
    if event["runs"]:
        return plain(", ".join(f"{run['workflow']} #{run['number']} {run['status']}" for run in event["runs"]))
    return plain("; ".join(f"{path.rpartition('/')[2]}: {why}" for path, why in event["verdicts"].items()))


def whole(event: Told) -> str:
    """Return everything about an event as lines of text, what came in at the end."""
    import json

    about = {name: value for name, value in event["about"].items() if value}
    lines = [
        f"event      {event['id']}  {event['kind']}  ({event['source']}, delivery {event['delivery']})",
        f"repository {event['repo']}",
        *(f"{name:10} {value}" for name, value in about.items()),
        f"received   {event['received_at']}",
        f"planned    {event['planned_at'] or 'not yet'}",
        *([f"problem    {event['problem']}"] if event["problem"] else []),
        "",
        "Workflows:" if event["verdicts"] else "No workflow was looked at.",
        *(f"  {path}: {why}" for path, why in event["verdicts"].items()),
        "",
        *(f"  run r{run['id']} {run['workflow']} #{run['number']} {run['status']}" for run in event["runs"]),
        "",
        "What came:",
        *json.dumps(event.get("fields", {}), indent=2, ensure_ascii=False).split("\n"),
    ]
    return "\n".join(plain(line) if line.strip() == line else _indented(line) for line in lines)


def _indented(line: str) -> str:
    body = line.lstrip(" ")
    return " " * (len(line) - len(body)) + plain(body)


def _row(event: Told, now: datetime) -> Row:
    word, like = outcome(event)
    about = event["about"]
    kind = f"{event['kind']} {about['action']}" if about["action"] else str(event["kind"])
    return Row(
        event["id"],
        (
            Cell(word, like),
            Cell(plain(kind), "title"),
            Cell(plain(str(event["repo"])), "dim"),
            Cell(plain(short_ref(str(about["ref"] or "")))),
            Cell(plain(str(about["actor"] or "")), "dim"),
            Cell(plain(str(event["source"])), "dim"),
            Cell(age(instant(event["received_at"]), now), "dim"),
            Cell(what_became(event)),
        ),
    )
