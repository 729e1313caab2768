"""`treadle checkpoint`: the steps of a job that a retry can follow, for what the job was after them is kept."""

import argparse

from app.cli.deeds import Deed, add_deeds, carry_out
from app.cli.naming import JOB_HELP, find_job
from app.cli.output import print_json, print_table, talk
from app.cli.source import source_of
from app.wording import age_of, size
from engine.core.clock import SystemClock

HEADER = ("AFTER", "STEP", "RETRY WITH", "ATTEMPT", "ADDED", "TAKEN")


def configure(parser: argparse.ArgumentParser) -> None:
    add_deeds(parser, (Deed("list", "list the checkpoints of a job, in the order of its steps", _of_job, _list),))


execute = carry_out


def _of_job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help=JOB_HELP)


def _list(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        job = find_job(source.queries, args.job)
        found = source.checkpoints(job)
        attempts = source.queries.attempts(job.id)
        steps = {step.index: step.name for step in source.queries.steps(attempts[-1].id)} if attempts else {}
    if args.json:
        print_json(found)
        return 0
    if not found:
        talk(f"Nothing is kept of job {job.id}: `checkpoint: true` in it, or `treadle run --checkpoint`, has it kept.")
        return 0
    now = SystemClock().now()
    rows = [
        (str(one["step"]), steps.get(one["step"], ""), f"--step {one['begin_at']}", str(one["attempt"]),
         size(one["size_bytes"]), age_of(one["at"], now))
        for one in found
    ]  # fmt: skip
    print_table(HEADER, rows, "STEP")
    return 0
