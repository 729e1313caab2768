"""`treadle dispatch`: ask for a run of a workflow of a configured repository, as `workflow_dispatch` does."""

import argparse
from pathlib import Path

from app.cli.given import pairs_of
from app.cli.source import source_of
from app.cli.wish import tell


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
        done = f"Asked for {args.workflow} of {args.repo}, as event {event_id}; `treadle events` tells what it became."
        tell({"event": event_id}, done, source.heard(), args.json)
    return 0
