"""`treadle diff JOB`: the log of a job that failed against that of one that did not, without what always differs."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.cli.naming import JOB_HELP, find_either, find_job
from app.cli.options import count, whole
from app.cli.output import colour_wanted, paint, print_json, talk
from app.cli.source import source_of
from app.diff_words import FOLD, MARKS, fold_words, sums_of, title_of
from app.log_text import shown
from engine.core.records import Run
from widgets.safe_text import plain

PREVIOUS = "previous"
COLOURS = {"new": "green", "gone": "red", "moved": "bright_black"}
Told = Mapping[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help=JOB_HELP)
    parser.add_argument("--attempt", type=count, metavar="N", help="the attempt (default: the latest)")
    parser.add_argument(
        "--against", metavar="JOB|RUN",
        help="a job, or a run with a job of the same name, or `previous`: the attempt before (default: the last green "
        "run on the same branch, else on the default branch, else on any)",
    )  # fmt: skip
    parser.add_argument(
        "--step",
        type=whole,
        metavar="N",
        help="this step, by the number that `show` gives it (default: the failed one)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        job = find_job(source.queries, args.job)
        against = args.against
        if against not in (None, PREVIOUS):
            other = find_either(source.queries, against, jobs_first=True)
            against = f"r{other.id}" if isinstance(other, Run) else f"j{other.id}"
        told = source.diff(job, args.attempt, against, args.step)
    if args.json:
        print_json(told)
        return 0
    for line in lines(told, colour_wanted(sys.stdout)):
        print(line)
    talk(f"{sums_of(told)}.")
    return 0


def lines(told: Told, colours: bool) -> Iterator[str]:
    """Yield a comparison as a unified diff is written: `+` new, `-` gone, `~` moved, each with the line's number."""
    yield paint(plain(title_of(told)), "bold", colours)
    width = max((len(str(number)) for row in told["rows"] for number in row[1:3] if number), default=1)
    for row in told["rows"]:
        if row[0] == FOLD:
            yield paint(f"{' ' * (width + 3)}... {fold_words(row)}", "bright_black", colours)
        else:
            yield _line(row, width, colours)


def _line(row: Sequence[Any], width: int, colours: bool) -> str:
    kind, old, new, _, text = row
    line = (
        f"{old if new is None else new:>{width}} {MARKS[kind]} {shown(text.encode('utf-8', 'replace'), False)}".rstrip()
    )
    return paint(line, COLOURS[kind], colours) if kind in COLOURS else line
