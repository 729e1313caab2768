"""`treadle graph`: a workflow's jobs and what they wait for, as text."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from app.cli.output import print_json, terminal_width
from app.cli.workflow_files import find_workflow
from app.wording import count_of
from pipelines.called import Calls
from pipelines.calls import local_find, look_into
from pipelines.graph_facts import GraphJob, depth, facts, graph, matrix_count
from pipelines.model import Workflow
from widgets.dag_drawing import drawing
from widgets.dag_job import DagJob
from widgets.safe_text import plain

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
    calls = _calls(workflow, args.repo)
    if args.json:
        print_json(facts(workflow, calls))
        return 0
    ascii = args.ascii or not _can_draw()
    jobs = graph(workflow, calls)
    for line in [_heading(workflow, jobs), "", *drawing(_nodes(jobs, ascii), terminal_width() or WIDTH, ascii)]:
        print(line)
    return 0


def _calls(workflow: Workflow, repo: Path) -> Calls:
    """Return the workflows that it calls, at every level, as far as their files are in the repository."""

    def load(path: str) -> bytes | None:
        try:
            return (repo / path).read_bytes()
        except OSError:
            return None

    return look_into(workflow, load, local_find(load)).called


def _nodes(jobs: Mapping[str, GraphJob], ascii: bool) -> list[DagJob]:
    """Return the jobs as they are before a run: a matrix is one, with the count of its cells where that is known."""
    ids = {key: number for number, key in enumerate(jobs)}
    nodes = []
    for key, one in jobs.items():
        count = matrix_count(one.job)
        name = key if count == 1 else f"{key} {'x' if ascii else '×'}{count or '?'}"
        nodes.append(DagJob(ids[key], key, name, "pending", "", tuple(ids[behind] for behind in one.behind)))
    return nodes


def _heading(workflow: Workflow, jobs: Mapping[str, GraphJob]) -> str:
    return f"{plain(workflow.title)}: {count_of(len(jobs), 'job')} in {count_of(depth(jobs), 'layer')}"


def _can_draw() -> bool:
    try:
        "├─►×╮".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
