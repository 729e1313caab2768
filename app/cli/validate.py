"""`treadle validate`: checks workflow files and says what is wrong with them, a line each."""

import argparse
import json
import sys
from pathlib import Path

from app.cli.workflow_files import SUFFIXES, workflow_files
from app.wording import count_of
from pipelines.action_refs import WORKFLOW_FOLDERS
from pipelines.calls import check_calls
from pipelines.errors import Finding, Place, Severity, WorkflowError
from pipelines.parse import parse_workflow
from pipelines.policy import POLICY_PATH, parse_policy
from widgets.safe_text import plain


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders (default: all of the repository's)")
    parser.add_argument("--repo", metavar="DIR", help="the repository, in which `uses: ./…` is looked up (default: .)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a file")


def execute(args: argparse.Namespace) -> int:
    """Print the findings of each file. Returns 2 if one of them is an error, or if there is no file to check."""
    repo = Path(args.repo or ".")
    paths: list[str] = []
    for path in args.paths or own_files(repo):
        paths += files_in(Path(path)) if Path(path).is_dir() else [path]
    if not paths:
        print(f"treadle: {args.paths[0] if args.paths else repo} holds no workflows.", file=sys.stderr)
        return 2
    total = errors = 0
    for path in paths:
        findings = check(path, repo, follow=args.repo is not None or is_own(path, repo))
        total += len(findings)
        errors += sum(finding.severity is Severity.ERROR for finding in findings)
        if args.json:
            print(json_line(path, findings))
        else:
            print(*(plain(finding.line_for(path)) + "\n" for finding in findings), sep="", end="")
    if not args.json:
        print(summary(len(paths), errors, total - errors), file=sys.stderr)
    return 2 if errors else 0


def own_files(repo: Path) -> list[str]:
    """Return the workflows of a repository and, beside them, its policy file."""
    policy = repo / POLICY_PATH
    return [*map(str, workflow_files(repo)), *([str(policy)] if policy.is_file() else [])]


def is_own(path: str, repo: Path) -> bool:
    """Is a file among the workflows of `repo`? The calls of one that only lies somewhere can mean another folder."""
    return Path(path).resolve().parent in [(repo / folder).resolve() for folder in WORKFLOW_FOLDERS]


def files_in(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())


def check(path: str, repo: Path, follow: bool) -> tuple[Finding, ...]:
    """Return all findings of one file; with `follow`, calls of workflows below `repo` are looked into."""

    def load(called: str) -> bytes | None:
        try:
            return (repo / called).read_bytes()
        except OSError:
            return None

    try:
        text = Path(path).read_bytes()
    except OSError as error:
        return (Finding(Severity.ERROR, Place(1, 1), f"the file cannot be read: {error.strerror}"),)
    try:
        if Path(path).match(POLICY_PATH):
            return parse_policy(text, path).findings
        workflow = parse_workflow(text, path)
    except WorkflowError as error:
        return error.findings
    return (*workflow.findings, *(check_calls(workflow, load) if follow else ()))


def json_line(path: str, findings: tuple[Finding, ...]) -> str:
    shown = [
        {
            "severity": str(finding.severity),
            "line": finding.place.line,
            "column": finding.place.column,
            "message": finding.message,
            "hint": finding.hint,
        }
        for finding in findings
    ]
    return json.dumps({"path": path, "findings": shown})


def summary(files: int, errors: int, warnings: int) -> str:
    if not errors and not warnings:
        return f"{count_of(files, 'file')}: nothing to complain of."
    return f"{count_of(files, 'file')}: {count_of(errors, 'error')}, {count_of(warnings, 'warning')}."
