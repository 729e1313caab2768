"""`treadle graph`: a workflow's jobs and what they wait for, as text."""

import argparse
import sys
from pathlib import Path

from app.cli.output import print_json, terminal_width
from app.cli.workflow_files import find_workflow
from pipelines.dag import layers
from pipelines.graph_facts import facts, matrix_count
from pipelines.model import Workflow
from widgets.dag_drawing import drawing
from widgets.dag_job import DagJob
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
    for line in [_heading(workflow), "", *drawing(_jobs(workflow, ascii), terminal_width() or WIDTH, ascii)]:
        print(line)
    return 0


def _jobs(workflow: Workflow, ascii: bool) -> list[DagJob]:
    """Return the jobs as they are before a run: a matrix is one, with the count of its cells where that is known."""
    ids = {key: number for number, key in enumerate(workflow.jobs)}
    jobs = []
    for key, job in workflow.jobs.items():
        count = matrix_count(job)
        name = key if count == 1 else f"{key} {'x' if ascii else '×'}{count or '?'}"
        jobs.append(DagJob(ids[key], key, name, "pending", "", tuple(ids[need] for need in job.needs if need in ids)))
    return jobs


def _heading(workflow: Workflow) -> str:
    depth = len(layers({key: job.needs for key, job in workflow.jobs.items()}))
    return f"{plain(workflow.title)}: {_plural(len(workflow.jobs), 'job')} in {_plural(depth, 'layer')}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _can_draw() -> bool:
    try:
        "├─►×╮".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
