"""`treadle search`: words in the logs of all that has ended."""

import argparse
import sys
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from app.cli.options import count
from app.cli.output import colour_wanted, paint, print_json, status_text, talk
from app.cli.source import source_of
from engine.core.states import AttemptStatus
from widgets.safe_text import plain

ENDED = tuple(str(status) for status in AttemptStatus if status is not AttemptStatus.RUNNING)
Told = Mapping[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="+", metavar="WORD",
        help="lines that hold all of these, upper and lower case alike; quote words that stand in a row, end with * "
        "for any ending",
    )  # fmt: skip
    parser.add_argument("--repo", metavar="NAME", help="only in this repository")
    parser.add_argument("--workflow", metavar="NAME", help="only in this workflow: a file or a name")
    parser.add_argument("--status", choices=ENDED, help="only in attempts that ended so")
    parser.add_argument("--limit", type=count, default=50, metavar="N", help="at most so many lines (default: 50)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        told = source.search(args.words, args.repo, args.workflow, args.status, args.limit)
    if args.json:
        print_json(told)
        return 0
    colours = colour_wanted(sys.stdout)
    for _, hits in groupby(told["hits"], key=lambda hit: (hit["job"], hit["attempt"])):
        _print(list(hits), colours)
    if not told["hits"]:
        talk("No log says that. A log is searched once its job has ended.")
    elif told["more"]:
        talk("There may be more: name a repository, a workflow or another word, or raise --limit.")
    if told["behind"]:
        talk("Some logs have not been read yet: search again.")
    return 0


def _print(hits: list[Told], colours: bool) -> None:
    """Print a log's head and its lines: `line  step  text`."""
    log = hits[0]
    where = paint(f"j{log['job']}", "bold", colours)
    about = f"{log['name']} of {log['workflow']} #{log['number']} in {log['repo']}, attempt {log['attempt']}"
    print(f"{where}  {status_text(log['status'], colours)}  {plain(about)}")
    for hit in hits:
        step = "" if hit["step_name"] is None else f"{hit['step_name']}: "
        print(f"  {hit['line']:>7}  {plain(step + hit['text'].strip())}")
