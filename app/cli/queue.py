"""`treadle queue`: what runs, what waits and why; pausing and resuming."""

import argparse
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.cli.options import count
from app.cli.output import print_json, print_table, talk
from app.cli.source import source_of
from app.expectation import done_in, late, starts_in
from app.wording import age_of, duration, size
from engine.core.clock import SystemClock

HEADER = ("STATUS", "JOB", "NAME", "REPO", "WORKFLOW", "PRIORITY", "WHY")
SPARE = ("WORKFLOW", "PRIORITY", "REPO")
Told = Mapping[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "deed", nargs="?", metavar="pause|resume", choices=("pause", "resume"),
        help="claim no job until resumed, also over a restart, while what runs goes on; or claim jobs again",
    )  # fmt: skip
    parser.add_argument("--limit", type=count, default=50, metavar="N", help="at most so many that wait (default: 50)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        if args.deed is not None:
            done = source.pause() if args.deed == "pause" else source.resume()
            heard = source.heard()
            if args.json:
                print_json({"done": done, "engine": heard})
            else:
                print(done)
            return 0
        told = source.queue(args.limit)
    if args.json:
        print_json(told)
        return 0
    now = SystemClock().now()
    talk(_summary(told, now))
    rows = [_running(one, now) for one in told["workers"] if one["job"]] + [
        _waiting(one, now) for one in told["waiting"]
    ]
    if rows:
        print_table(HEADER, rows, "WHY", SPARE)
    return 0


def _summary(told: Told, now: datetime) -> str:
    counts, workers_here = told["counts"], len(told["workers"])
    not_ready = sum(counts[status] for status in ("retrying", "pending", "blocked"))
    busy = f"{told['workers_busy']} of {workers_here} workers busy"
    workers = busy if workers_here else "No engine runs here"
    parts = [f"{workers}, {counts['queued']} queued, {not_ready} not ready yet."]
    if told["paused"]:
        since = age_of(told["paused"]["at"], now)
        parts.append(f"Paused by {told['paused']['by']}, {since}; `treadle queue resume` lets it go on.")
    if told["disk"]["short"]:
        disk = told["disk"]
        parts.append(f"The disk is nearly full: {size(disk['free_bytes'])} free, floor {size(disk['floor_bytes'])}.")
    if told["draining"]:
        parts.append("The engine is being stopped.")
    return " ".join(parts)


def _running(worker: Told, now: datetime) -> tuple[str, ...]:
    job = worker["job"]
    said = [f"on {worker['name']}", f"attempt {job['attempt']}"]
    if job["expected_finish_at"]:
        said.append(done_in(datetime.fromisoformat(job["expected_finish_at"]), now))
    if job["slower"]:
        said.append(late(job["slower"]))
    return _row(job, ", ".join(said))


def _waiting(job: Told, now: datetime) -> tuple[str, ...]:
    until = job["waits"]["until"]
    wait = f", in {duration((datetime.fromisoformat(until) - now).total_seconds())}" if until else ""
    start = job["expected_start_at"]
    starts = f", {starts_in(datetime.fromisoformat(start), now)}" if start and not until else ""
    return _row(job, job["waits"]["reason"] + wait + starts)


def _row(job: Told, why: str) -> tuple[str, ...]:
    return (
        job["status"], f"j{job['id']}", job["name"], job["repo"], f"{job['workflow']} #{job['run_number']}",
        str(job["priority"]), why,
    )  # fmt: skip
