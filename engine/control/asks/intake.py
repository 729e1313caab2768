"""From a trigger to recorded runs: match, plan, record. Nothing here runs anything.

This is for what a person asks of a repository on this machine; `planner` does it for the inbox. In two steps, so that
the person can be told what stands in the way before anything is written: `prepare` reads and plans, `record` writes.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from engine import git, git_snapshot
from engine.control.asks.followers import WORKFLOW_RUN, followers, payload_of_success
from engine.control.called_workflows import finder, other_repositories
from engine.control.planning import (
    Prepared,
    decoded,
    new_run,
    prepare_run,
    refuse_what_cannot_run,
    urgency,
)
from engine.control.sources import local_delivery
from engine.core.clock import Clock
from engine.core.errors import GitError
from engine.core.refs import HEADS, NO_SHA, TAGS
from engine.store.store import Store
from pipelines.called import Calls
from pipelines.errors import Finding, Place, Severity, WorkflowError
from pipelines.github_context import dispatch_inputs, github_context
from pipelines.model import Trigger, Workflow
from pipelines.policy import POLICY_PATH
from pipelines.triggers import TriggerEvent, fires

SHOWN_NAMES = 12


@dataclass(frozen=True)
class LocalRequest:
    """What a person asks for in a repository on this machine. `rev` None: the working tree as it is.

    `workflow` is a path in the repository or a workflow's name; None: all that `event` triggers. `event` None: push,
    or what a workflow that was named listens to.
    """

    repo: git.Repo
    rev: str | None = None
    workflow: str | None = None
    jobs: frozenset[str] = frozenset()
    event: str | None = None
    payload: Mapping[str, Any] | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    executor: str | None = None
    checkpoint: bool = False
    hold: bool = False
    actor: str = ""


@dataclass(frozen=True)
class Intake:
    """What a request comes to: runs to record, and for each workflow file why it would run or not."""

    request: LocalRequest
    runs: tuple[Prepared, ...]
    verdicts: Mapping[str, str]
    notes: tuple[str, ...]


def prepare(store: Store, request: LocalRequest, actions: Mapping[str, str] | None = None) -> Intake:
    """Work out which workflows run, and plan them.
    `actions` is that of the settings: where workflows are that these call in other repositories.

    Raises WorkflowError (several in an ExceptionGroup) for workflows that cannot be read, planned or honoured,
    GitError for a repository or revision that cannot be read, InputError for inputs that the workflow does not take.
    """
    facts = _look(store, request)
    policy = decoded(git.read_file(request.repo, facts.rev, POLICY_PATH) or b"", POLICY_PATH)
    others = other_repositories(store.home, lambda: actions or {})
    wanted = request.workflow
    known: dict[str, tuple[str, Workflow]] = {}
    broken: list[WorkflowError] = []
    for path, content in facts.files.items():
        if wanted in facts.files and path != wanted:
            continue
        try:
            known[path] = store.definitions.keep(path, decoded(content, path), policy)
        except WorkflowError as error:
            if all((error.path, error.findings) != (other.path, other.findings) for other in broken):
                broken.append(error)  # the policy file's own faults come up with each workflow
    chosen = _choose(facts, known, wanted, broken)
    known_jobs = frozenset(key for _, workflow in chosen.values() for key in workflow.jobs)
    runs: list[Prepared] = []
    verdicts: dict[str, str] = {}
    for path, (digest, workflow) in chosen.items():
        event = request.event or _usual_event(workflow, named=wanted is not None)
        trigger = next((one for one in workflow.on if one.event == event), None)
        verdict = fires(workflow.on, facts.trigger_event(event, workflow))
        verdicts[path] = verdict.reason if verdict.runs or wanted is None else f"asked for by name ({verdict.reason})"
        if wanted is not None and trigger is None:
            raise GitError(f"{path} does not listen to {event}, only to {', '.join(t.event for t in workflow.on)}.")
        if wanted is None and not verdict.runs:
            continue
        only = request.jobs & workflow.jobs.keys() | request.jobs - known_jobs  # each job where it is; planning refuses
        if request.jobs and not only:
            verdicts[path] = f"it has none of the jobs asked for: {', '.join(sorted(request.jobs))}"
            continue
        try:
            find = finder(store, facts.load, policy, others.fetch)
            calls = refuse_what_cannot_run(workflow, facts.load, only, find)
            runs.append(_plan(facts, request, digest, workflow, event, trigger, only, calls))
        except WorkflowError as error:
            broken.append(error)
    _refuse(broken)
    started = {run.workflow.path: run.workflow.title for run in runs}
    others_files = {path: content for path, content in facts.files.items() if path not in started}
    notes = (*facts.notes, *followers(others_files, started.values(), facts.branch))
    return Intake(request, tuple(runs), verdicts, notes)


def record(store: Store, intake: Intake, actor: str, clock: Clock) -> list[int]:
    """Record the event, then its runs with all their jobs; return the runs' ids. The scheduler takes it from there."""
    if not intake.runs:
        return []
    repo, first = intake.request.repo, intake.runs[0]
    ids = []
    with store.database.write(durable=True):  # all of them or none
        repo_id = store.runs.repo(repo.name, str(repo.root), repo.remote_url or "")
        fields = {"ref": first.ref, "sha": first.sha, "actor": actor, "payload": first.contexts["github"]["event"]}
        event_id, _ = store.runs.event(repo_id, local_delivery(), first.event, fields, clock.now())
        for prepared in intake.runs:
            new = new_run(prepared, repo_id, event_id, store.secrets.seal(intake.request.secrets))
            ids.append(store.runs.create(new, actor, clock.now()))
        store.runs.verdicts(event_id, intake.verdicts)
    return ids


@dataclass(frozen=True)
class _Facts:
    """A repository as the request wants it seen."""

    request: LocalRequest
    rev: str | None
    files: Mapping[str, bytes]
    sha: str
    head: str | None
    branch: str | None
    tag: str | None
    message: str
    mirror: str | None
    repo: git.Repo
    notes: tuple[str, ...]

    @property
    def ref(self) -> str:
        return f"{TAGS}{self.tag}" if self.tag else f"{HEADS}{self.branch or 'HEAD'}"

    def load(self, path: str) -> bytes | None:
        """Return the bytes of a file, None when there is none."""
        return git.read_file(self.repo, self.rev, path)

    def trigger_event(self, name: str, workflow: Workflow) -> TriggerEvent:
        payload = self.request.payload or {}
        pull = payload.get("pull_request")
        is_pull = name.startswith("pull_request")
        base = pull.get("base", {}).get("ref") if isinstance(pull, dict) else self.branch
        default_action = "opened" if is_pull else None
        return TriggerEvent(
            name=name,
            action=payload.get("action", default_action),
            ref=self.ref,
            branch=None if self.tag else self.branch,
            tag=self.tag,
            base_branch=base if is_pull else None,
            changed_files=self._changed(workflow),
            message=self.message,
        )

    def _changed(self, workflow: Workflow) -> tuple[str, ...] | None:
        """The files of the last commit and of the working tree, worked out only where a filter asks for them."""
        if not any(key.startswith("paths") for trigger in workflow.on for key in trigger.filters):
            return None
        if self.head is None:
            return None
        parents = git.commit_info(self.repo, self.head).parents
        return tuple(git.changed_files(self.repo, parents[0], self.sha)) if parents else None


def _look(store: Store, request: LocalRequest) -> _Facts:
    repo = request.repo
    if request.rev is not None:
        sha = git.resolve(repo, request.rev)
        commit = git.commit_info(repo, sha)
        branch, tag = _named(repo, request.rev, sha)
        files = git.workflow_files(repo, sha)
        return _Facts(request, sha, files, sha, sha, branch, tag, commit.message, None, repo, ())
    mirror = store.home / "repos" / f"{uuid.uuid5(uuid.NAMESPACE_URL, str(repo.root)).hex[:16]}.git"
    snapshot = git_snapshot.snapshot_worktree(repo, mirror)
    message = git.commit_info(repo, repo.head).message if repo.head else ""
    files = git.workflow_files(repo, None)
    where = str(mirror) if snapshot.dirty else None
    return _Facts(
        request, None, files, snapshot.sha, repo.head, repo.branch, None, message, where, snapshot.repo, snapshot.notes
    )


def _named(repo: git.Repo, rev: str, sha: str) -> tuple[str | None, str | None]:
    """Return the branch or the tag that a revision means; a bare commit is taken for HEAD's branch where it is that."""
    for prefix in (HEADS, TAGS, "refs/remotes/origin/"):
        name = rev.removeprefix(prefix)
        if not name.startswith("refs/") and _exists(repo, prefix + name):
            return (None, name) if prefix == TAGS else (name, None)
    return (repo.branch if sha == repo.head else None), None


def _exists(repo: git.Repo, rev: str) -> bool:
    try:
        git.resolve(repo, rev)
    except GitError:
        return False
    return True


def _choose(
    facts: _Facts, known: dict[str, tuple[str, Workflow]], wanted: str | None, broken: list[WorkflowError]
) -> dict[str, tuple[str, Workflow]]:
    if not facts.files:
        raise GitError(
            f"{facts.repo.root} has no workflows (looked in {', '.join(git.WORKFLOW_FOLDERS)}).",
            "`treadle init` writes a first one.",
        )
    if wanted is None or wanted in facts.files:
        return known
    named = {path: found for path, found in known.items() if found[1].name == wanted}
    if named:
        broken.clear()
        return named
    _refuse(broken)  # it may be in one of those
    names = [*(workflow.name for _, workflow in known.values() if workflow.name), *facts.files]
    near = get_close_matches(wanted, names, n=1)
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names[:SHOWN_NAMES])}{more}."
    raise GitError(f"There is no workflow {wanted!r} in {facts.repo.root}.", hint)


def _refuse(broken: list[WorkflowError]) -> None:
    if len(broken) == 1:
        raise broken[0]
    if broken:
        raise ExceptionGroup("invalid workflows", broken)


def _usual_event(workflow: Workflow, *, named: bool) -> str:
    events = [trigger.event for trigger in workflow.on]
    if not named or "push" in events:
        return "push"
    return "workflow_dispatch" if "workflow_dispatch" in events else next(iter(events), "push")


def _plan(
    facts: _Facts,
    request: LocalRequest,
    digest: str,
    workflow: Workflow,
    event: str,
    trigger: Trigger | None,
    only: frozenset[str],
    calls: Calls,
) -> Prepared:
    inputs: Mapping[str, Any] = {}
    if trigger is not None and event in ("workflow_dispatch", "workflow_call"):
        inputs = dispatch_inputs(trigger, request.inputs)
    elif request.inputs:
        what, hint = f"inputs are given, but the event is {event}", "use --event workflow_dispatch"
        raise WorkflowError(workflow.path, (Finding(Severity.ERROR, Place(1, 1), what, hint),))
    payload = dict(request.payload) if request.payload is not None else _payload(facts, event, trigger, inputs)
    ref = _ref(facts, event, payload)
    github = github_context(
        repository=request.repo.name,
        sha=facts.head or facts.sha,
        ref=ref,
        event_name=event,
        event=payload,
        actor=request.actor,
        workflow=workflow.title,
        workflow_path=workflow.path,
        default_branch=facts.branch or "",
    )
    source = {
        "root": str(request.repo.root),
        "sha": facts.sha,
        "branch": facts.branch if request.rev is None else None,
        "mirror": facts.mirror,
        "labels": dict(request.labels),
        "executor": request.executor,
        "env": dict(request.env),
        "checkpoint": request.checkpoint,
        "hold": request.hold,
    }
    hurry = urgency(event, by_person=True)
    return prepare_run(
        workflow, digest, github, source, inputs, request.variables, only=only, urgency=hurry, calls=calls
    )


def _ref(facts: _Facts, event: str, payload: Mapping[str, Any]) -> str:
    """Return the ref that the run is of, as on GitHub: of a pull request its merge, but for its target's own runs."""
    if not event.startswith("pull_request"):
        return facts.ref
    pull = payload.get("pull_request")
    pull = pull if isinstance(pull, dict) else {}
    if event == "pull_request_target":
        base = pull.get("base")
        return f"{HEADS}{base['ref']}" if isinstance(base, dict) and base.get("ref") else facts.ref
    number = payload.get("number") or pull.get("number")
    return f"refs/pull/{number if isinstance(number, int) else 1}/merge"


def _payload(facts: _Facts, event: str, trigger: Trigger | None, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a forge would have sent, as far as the repository can tell."""
    sha = facts.head or facts.sha
    author = {"name": facts.repo.author_name, "email": facts.repo.author_email}
    if event == "push":
        commit = {"id": sha, "message": facts.message, "author": author, "committer": author}
        said = {"ref": facts.ref, "before": NO_SHA, "after": sha}
        return {**said, "head_commit": commit, "commits": [commit], "pusher": author}
    if event.startswith("pull_request"):
        side = {"ref": facts.branch or "HEAD", "sha": sha}
        pull = {"number": 1, "head": side, "base": side, "title": facts.message.partition("\n")[0], "draft": False}
        return {"action": "opened", "number": 1, "pull_request": pull}
    if event == WORKFLOW_RUN:
        return payload_of_success(trigger, facts.repo.name, facts.branch, sha)
    if event == "workflow_dispatch":
        return {"ref": facts.ref, "inputs": {name: str(value) for name, value in inputs.items()}}
    return {}
