"""`treadle explain --event`: what an event that has not come would run here, and how its jobs would come out.

Nothing is written and nothing is fetched. Needs are taken to succeed, with outputs that nobody knows yet.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.cli.given import actor_here
from app.cli.output import print_json
from app.cli.repo_names import settings_here
from app.explain_text import supposed
from app.views.explain_plan import Told, group_told, row_shape, template_told
from engine.control.planning import decoded
from engine.core.errors import EngineError, GitError, SettingsError
from engine.core.scheduling import status_functions
from engine.git import repository
from pipelines.calls import local_find, look_into
from pipelines.errors import WorkflowError
from pipelines.expr_nodes import Call
from pipelines.expr_trace import shown, trace
from pipelines.github_context import github_context
from pipelines.model import Workflow
from pipelines.parse import parse_workflow
from pipelines.plan import JobPlan, plan_run
from pipelines.policy import POLICY_PATH, parse_policy
from pipelines.records import dataclass
from pipelines.triggers import PULL_REQUESTS, TriggerEvent, fires
from pipelines.values import truthy
from widgets.safe_text import plain_line

HEADS, TAGS = "refs/heads/", "refs/tags/"


@dataclass(frozen=True)
class SupposedPlace:
    """The repository as the event would see it: `rev` is the commit of its workflows, None for the working tree."""

    repo: repository.Repo
    rev: str | None
    ref: str
    branch: str | None
    tag: str | None
    message: str

    def load(self, path: str) -> bytes | None:
        return repository.read_file(self.repo, self.rev, path)


def explain_supposed(args: argparse.Namespace) -> int:
    """Print the event, the verdicts, and of what would run the jobs. Returns 2 if a workflow cannot be read."""
    place = _place(Path(args.repo or "."), args.ref)
    changed = tuple(args.changed) if args.changed is not None else _last_changed(place)
    event = TriggerEvent(
        name=args.event,
        action="opened" if args.event in PULL_REQUESTS else None,
        ref=place.ref,
        branch=place.branch,
        tag=place.tag,
        base_branch=place.branch if args.event in PULL_REQUESTS else None,
        changed_files=changed,
        message=place.message,
    )
    variables = settings_here(args).vars_of(place.repo.name)
    found, broken = _workflows(place, args.targets)
    told = [_judged(place, event, flow, variables) for flow in found]
    told += [{"path": path, "name": path, "runs": False, "reason": f"invalid: {error}"} for path, error in broken]
    facts = {"name": event.name, "action": event.action, "ref": event.ref, "branch": event.branch, "tag": event.tag,
             "changed_files": None if changed is None else list(changed)}  # fmt: skip
    if args.json:
        print_json({"event": facts, "workflows": told})
    else:
        print(*(plain_line(line.text) for line in supposed(facts, told)), sep="\n")
    return 2 if broken else 0


def _place(folder: Path, ref: str | None) -> SupposedPlace:
    """Return where the event would happen. A ref that is not there yet is supposed to be pushed as the tree stands."""
    repo = repository.discover(folder)
    if repo is None:
        raise GitError(f"{folder.resolve()} is not in a Git repository.", "--repo names another folder.")
    whole = _whole(repo, ref)
    rev = _commit(repo, ref) if ref is not None else None
    at = rev or repo.head
    message = repository.commit_info(repo, at).message if at else ""
    tag = whole.removeprefix(TAGS) if whole.startswith(TAGS) else None
    branch = whole.removeprefix(HEADS) if whole.startswith(HEADS) else None
    return SupposedPlace(repo, rev, whole, branch, tag, message)


def _whole(repo: repository.Repo, ref: str | None) -> str:
    """Return a ref in full: a bare name is a tag where there is one of that name alone, else a branch."""
    if ref is None:
        return f"{HEADS}{repo.branch or 'HEAD'}"
    if ref.startswith("refs/"):
        return ref
    is_tag = _commit(repo, TAGS + ref) is not None and _commit(repo, HEADS + ref) is None
    return f"{TAGS if is_tag else HEADS}{ref}"


def _commit(repo: repository.Repo, rev: str) -> str | None:
    try:
        return repository.resolve(repo, rev)
    except GitError:
        return None


def _last_changed(place: SupposedPlace) -> tuple[str, ...] | None:
    """Return what the last commit changed; None where nobody can tell, and every file counts as changed."""
    head = place.rev or place.repo.head
    parents = repository.commit_info(place.repo, head).parents if head else ()
    return tuple(repository.changed_files(place.repo, parents[0], head)) if head and parents else None


def _workflows(place: SupposedPlace, asked: list[str]) -> tuple[list[Workflow], list[tuple[str, WorkflowError]]]:
    """Return the workflows that are asked for, by file or name, or all; and those that cannot be read."""
    policy = decoded(place.load(POLICY_PATH) or b"", POLICY_PATH)
    found: list[Workflow] = []
    broken: list[tuple[str, WorkflowError]] = []
    named: set[str] = set()
    for path, content in repository.workflow_files(place.repo, place.rev).items():
        names = {path, path.rpartition("/")[2], path.rpartition("/")[2].rpartition(".")[0]}
        try:
            flow = parse_workflow(decoded(content, path), path)
            flow = parse_policy(policy).apply(flow) if policy else flow
        except WorkflowError as error:
            if not asked or names & set(asked):
                broken.append((path, error))
                named |= names
            continue
        names |= {flow.title}
        if not asked or names & set(asked):
            found.append(flow)
            named |= names
    if missing := [name for name in asked if name not in named]:
        raise SettingsError(f"There is no workflow {missing[0]!r} at {place.ref}.", "Leave it out to see all.")
    return found, broken


def _judged(place: SupposedPlace, event: TriggerEvent, flow: Workflow, variables: Mapping[str, str]) -> Told:
    """Return whether a workflow would run, and if so its title, group and jobs, or why it cannot be planned."""
    verdict = fires(flow.on, event)
    told: Told = {"path": flow.path, "name": flow.title, "runs": verdict.runs, "reason": verdict.reason}
    if not verdict.runs:
        return told
    github = github_context(
        repository=place.repo.name,
        sha=place.rev or place.repo.head or "0" * 40,
        ref=place.ref,
        event_name=event.name,
        event={"head_commit": {"message": event.message}} if event.name == "push" else {},
        actor=actor_here(),
        workflow=flow.title,
        workflow_path=flow.path,
        default_branch=place.repo.branch or "",
    )
    contexts: dict[str, Any] = {"github": github, "inputs": {}, "vars": dict(variables)}
    try:
        calls = look_into(flow, place.load, local_find(place.load)).called
        plan = plan_run(flow, contexts, calls=calls)
    except (WorkflowError, EngineError) as error:
        return told | {"problem": str(error)}
    return told | {
        "title": template_told(flow.run_name, contexts, str) if flow.run_name else None,
        "concurrency": group_told(flow.concurrency, contexts, str) if flow.concurrency else None,
        "jobs": [_job(calls[job.workflow].workflow if job.workflow else flow, job, contexts) for job in plan.jobs],
    }


def _job(flow: Workflow, plan: JobPlan, contexts: Mapping[str, Any]) -> Told:
    """Return a job with its `if:`, supposing that what it needs succeeds."""
    model = flow.jobs[plan.own_key]
    needs: dict[str, Any] = {need: {"result": "success", "outputs": {}} for need in model.needs}
    seen = trace(
        model.condition.node if model.condition else Call("success", ()),
        {**contexts, "needs": needs, "matrix": dict(plan.matrix or {})},
        status_functions(ok=True, failed=False, cancelled=False),
    )
    return {
        "key": plan.key,
        "name": plan.name,
        "needs": list(plan.needs),
        "matrix": None if plan.matrix is None else {name: shown(value) for name, value in plan.matrix.items()},
        "open": plan.dynamic,
        "condition": model.condition.text if model.condition else None,
        "runs": None if seen.error else truthy(seen.value),
        "parts": [row_shape(row) for row in seen.rows()] if model.condition else [],
    }
