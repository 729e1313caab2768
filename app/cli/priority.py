"""`treadle priority`: put a job forward or back in the queue."""

import argparse

from app.cli.naming import JOB_HELP, find_job
from app.cli.source import source_of
from app.cli.wish import report


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help=JOB_HELP)
    parser.add_argument(
        "priority", type=int, metavar="N", help="from -1000 to 1000: the larger runs first; a point is worth a minute"
    )
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        job = find_job(source.queries, args.job)
        report(job, source.prioritize(job, args.priority), source.heard(), args.json)
    return 0
