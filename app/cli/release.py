"""`treadle release JOB`: let the held box of a job go."""

import argparse

from app.cli.naming import JOB_HELP, find_job, report
from app.cli.source import source_of

NAME = "release"
HELP = "let the held box of a job go"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help=JOB_HELP)
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        job = find_job(source.queries, args.job)
        report(job, source.release(job), source.heard(), args.json)
    return 0
