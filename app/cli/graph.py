"""`treadle graph`: a workflow's jobs and what they wait for, as text."""

import argparse
import sys
from pathlib import Path

from app.cli.output import print_json, terminal_width
from app.cli.workflow_files import find_workflow
from pipelines.graph_text import draw, facts
from widgets.safe_text import plain

NAME = "graph"
HELP = "print a workflow's job graph"

WIDTH = 80


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workflow", metavar="WORKFLOW", help="the path of a workflow file, or a workflow's name")
    parser.add_argument(
        "--repo", type=Path, default=Path(), metavar="DIR", help="where names are looked up (default: .)"
    )
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument("--json", action="store_true", help="print nodes and edges as JSON")


def execute(args: argparse.Namespace) -> int:
    """Print the graph. Raises WorkflowError for a file that is wrong, SettingsError when there is none."""
    workflow = find_workflow(args.repo, args.workflow)
    if args.json:
        print_json(facts(workflow))
        return 0
    ascii = args.ascii or not _can_draw()
    heading, _, drawing = draw(workflow, terminal_width() or WIDTH, ascii).partition("\n")
    print(f"{plain(heading)}\n{drawing}")
    return 0


def _can_draw() -> bool:
    try:
        "├─►×◄".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
