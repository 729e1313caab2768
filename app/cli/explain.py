"""`treadle explain`: why a run, a job or an event is as it is, or waits; or what an event that has not come would do.

Which of these is meant, the options tell: `--payload` a delivery, `--event` an event made up, else what is there.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from typing import Any

from app.cli.naming import find_job, find_run
from app.cli.output import colour_wanted, paint, print_json
from app.cli.source import Source, source_of
from app.explain_text import explanation
from engine.core.clock import SystemClock
from engine.core.errors import SettingsError
from widgets.safe_text import plain_line

EVENT = re.compile(r"e([0-9]{1,15})")
COLOURS = {"title": "bold", "dim": "bright_black"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="WHAT",
        help="a run (12, r12, #3, latest), a job (j34, or RUN/NAME) or an event (e5); default: the latest run. "
        "With --payload or --event: workflows, by file or name (default: all here)",
    )
    parser.add_argument("--payload", metavar="FILE", help="explain a delivery: its body as it came; - is stdin")
    parser.add_argument(
        "--header", action="append", default=[], metavar="'K: V'", help="a header of the delivery; repeatable"
    )
    parser.add_argument("--event", metavar="NAME", help="explain what an event would run, such as push")
    parser.add_argument("--ref", metavar="REF", help="with --event: of this branch, tag or commit (default: as it is)")
    parser.add_argument("--repo", metavar="DIR", help="with --event: the repository (default: here)")
    parser.add_argument(
        "--changed",
        action="append",
        metavar="PATH",
        help="a file that changed (default: what the payload lists, or the last commit changed); repeatable",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def execute(args: argparse.Namespace) -> int:
    """Print what is asked for. Returns 2 if a workflow cannot be read."""
    _check(args)
    if args.payload is not None:
        from app.cli.explain_delivery import explain_delivery

        return explain_delivery(args)
    if args.event is not None:
        from app.cli.explain_supposed import explain_supposed

        return explain_supposed(args)
    with source_of(args) as source:
        told = _explained(source, args.targets[0] if args.targets else "latest")
    if args.json:
        print_json(told)
        return 0
    colours = colour_wanted(sys.stdout)
    for line in explanation(told, SystemClock().now()):
        text = plain_line(line.text)
        print(paint(text, COLOURS[line.style], colours) if line.style else text)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise SettingsError for options that do not go together."""
    made_up = args.payload is not None or args.event is not None
    if args.payload is not None and args.event is not None:
        raise SettingsError("--payload and --event are two ways to name an event.", "Give one of them.")
    if made_up and args.connect is not None:
        raise SettingsError("--payload and --event look at the workflows of this machine.", "Leave out --connect.")
    if args.event is None and (args.ref or args.repo):
        raise SettingsError("--ref and --repo belong to --event.")
    if args.payload is None and args.header:
        raise SettingsError("--header belongs to --payload.")
    if not made_up and args.changed:
        raise SettingsError("--changed belongs to --payload or --event.")
    if not made_up and len(args.targets) > 1:
        raise SettingsError("One thing is explained at a time.", "Give one run, job or event.")


def _explained(source: Source, text: str) -> Mapping[str, Any]:
    """Return the explanation of what `text` names. Raises EngineError when there is nothing of that name."""
    if (event := EVENT.fullmatch(text)) is not None:
        return source.explain("event", int(event[1]))
    if "/" in text or re.fullmatch(r"j[0-9]+", text):
        return source.explain("job", find_job(source.queries, text).id)
    return source.explain("run", find_run(source.queries, text).id)
