"""`treadle dispatch`: ask for a run of a workflow of a configured repository, as `workflow_dispatch` does."""

import argparse
from pathlib import Path

from app.cli.given import pairs_of
from app.cli.output import print_json, talk
from app.cli.source import source_of

NAME = "dispatch"
HELP = "ask for a run of a workflow of a configured repository"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", metavar="REPO", help="a repository of treadle.yml, such as team/site, or its folder")
    parser.add_argument("workflow", metavar="WORKFLOW", help="its path, file name or name; it says workflow_dispatch")
    parser.add_argument("--ref", metavar="REF", help="a branch, or refs/tags/TAG (default: the default branch)")
    parser.add_argument("--input", action="append", default=[], metavar="K=V", help="an input; repeatable")
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    inputs = pairs_of(args.input, "--input")
    if args.repo.startswith((".", "/", "~")):
        args.repo = str(Path(args.repo).expanduser().resolve())
    with source_of(args) as source:
        event_id = source.dispatch(args.repo, args.workflow, args.ref, inputs)
        heard = source.heard()
    if args.json:
        print_json({"event": event_id, "engine": heard})
        return 0
    print(f"Asked for {args.workflow} of {args.repo}, as event {event_id}.")
    if not heard:
        talk("No engine runs on this home now; the next one takes it up.")
    return 0
