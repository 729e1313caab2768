"""The run that tries one commit: planned as the red run was, with the failing job alone, and in nobody's way."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.control.called_workflows import OtherRepositories, finder
from engine.control.planning import Prepared, decoded, final_plan, new_run, prepare_run, refuse_what_cannot_run
from engine.core.clock import rfc3339
from engine.core.errors import GitError
from engine.core.refs import NO_SHA
from engine.git import repository
from engine.store.mending.bisects import RedJob, top
from engine.store.runs import NewRun
from engine.store.store import Store
from pipelines.dag import closure
from pipelines.errors import WorkflowError
from pipelines.job_alone import job_alone
from pipelines.model import Workflow
from pipelines.plan import RunPlan
from pipelines.policy import POLICY_PATH

PRIORITY = -100  # the lowest that a workflow may ask for


class CannotTry(Exception):
    """The commit cannot be tried; the message says why."""


class Trials:
    """Plans trials. `others` waits for the network where a workflow is called of another repository."""

    def __init__(self, store: Store, others: OtherRepositories) -> None:
        self._store = store
        self._others = others

    def prepare(self, red: RedJob, repo: repository.Repo, sha: str, bisect_id: int) -> NewRun:
        """Return the run to record: of the workflow as the commit has it. Raises CannotTry, and GitError."""
        path = red.facts.run.workflow_path
        try:
            return self._prepare(red, repo, sha, bisect_id)
        except WorkflowError as error:
            first = error.findings[0]
            raise CannotTry(f"{path}:{first.place.line} cannot be run: {first.message}") from None

    def _prepare(self, red: RedJob, repo: repository.Repo, sha: str, bisect_id: int) -> NewRun:
        path, facts = red.facts.run.workflow_path, red.facts
        content = repository.read_file(repo, sha, path)
        if content is None:
            raise CannotTry(f"it has no {path}")

        def load(asked: str) -> bytes | None:
            return repository.read_file(repo, sha, asked)

        policy = decoded(load(POLICY_PATH) or b"", POLICY_PATH)
        digest, workflow = self._store.definitions.keep(path, decoded(content, path), policy)
        first = top_key(facts.plan.key)
        if first not in workflow.jobs:
            raise CannotTry(f"its {path} has no job {first!r}")
        if name := environment_in(workflow, first):
            raise CannotTry(f"there, the job {name!r} is in an environment: it may deploy")
        only = frozenset({first})
        find = finder(self._store, load, policy, self._others.fetch)
        calls = refuse_what_cannot_run(workflow, load, only, find)
        trigger = top(facts).trigger
        info = repository.commit_info(repo, sha)
        prepared = prepare_run(
            workflow,
            digest,
            _github_at(trigger["github"], info, workflow),
            {**facts.source, "sha": sha, "mirror": None, "hold": False, "checkpoint": False},
            trigger["inputs"],
            trigger["vars"],
            only=only,
            calls=calls,
        )
        if _alone(prepared, red, 1, 1) is None:
            raise CannotTry(f"its {path} makes no job {facts.job.name!r}")
        return replace(
            new_run(prepared, red.repo_id, red.event_id, facts.secrets),
            plan=lambda run_id, number: _there(_alone(prepared, red, run_id, number)),
            title=f"bisect {bisect_id}: {sha[:7]} {subject_of(info)}",
            bisect_id=bisect_id,
        )


def repository_of(red: RedJob) -> repository.Repo:
    """Return the repository, or its mirror, that the red run's files are from. Raises GitError."""
    root = str(red.facts.source.get("root", ""))
    found = repository.discover(Path(root)) if root else None
    if found is None:
        raise GitError(f"The repository {root} is gone.")
    return found


def subject_of(commit: repository.Commit) -> str:
    return commit.message.strip().partition("\n")[0][:200]


def top_key(key: str) -> str:
    """Return the id, in the run's own workflow, of a job or of the job that calls it."""
    return key.partition("/")[0].partition("#")[0]


def environment_in(workflow: Workflow, key: str) -> str | None:
    """Return a job in an environment among one and those that it needs, None if there is none."""
    needed = closure({name: job.needs for name, job in workflow.jobs.items()}, [key])
    return next(
        (name for name in workflow.jobs if name in needed and workflow.jobs[name].environment is not None), None
    )


def _alone(prepared: Prepared, red: RedJob, run_id: int, number: int) -> RunPlan | None:
    job = red.facts.job
    return job_alone(final_plan(prepared, run_id, number), job.key, job.matrix, PRIORITY)


def _there(plan: RunPlan | None) -> RunPlan:
    assert plan is not None  # ids and numbers change no keys
    return plan


def _github_at(github: Mapping[str, Any], commit: repository.Commit, workflow: Workflow) -> dict[str, Any]:
    """Return the github context of the red run as it would have been at another commit."""
    author = {"name": commit.author_name, "email": commit.author_email}
    told = {"id": commit.sha, "message": commit.message, "author": author, "committer": author}
    told["timestamp"] = rfc3339(commit.at)
    payload = dict(github["event"])
    if "after" in payload:
        before = commit.parents[0] if commit.parents else NO_SHA
        payload |= {"before": before, "after": commit.sha, "head_commit": told, "commits": [told]}
    pull = payload.get("pull_request")
    if isinstance(pull, dict):
        head = pull.get("head")
        payload["pull_request"] = {**pull, "head": {**(head if isinstance(head, dict) else {}), "sha": commit.sha}}
    moved = {"event": payload, "sha": commit.sha, "workflow_sha": commit.sha, "workflow": workflow.title}
    return {**github, **moved}
