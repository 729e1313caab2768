"""The repositories of a home as JSON, and the workflows that a branch of one holds."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from app.shapes import instant, run_shape
from engine.control.inbox.commit_reader import CommitReader
from engine.control.mirrors import Mirrors
from engine.control.repo_ids import repo_id_of as id_of_configured
from engine.core.clock import rfc3339
from engine.core.errors import EngineError, NotThere
from engine.core.refs import HEADS
from engine.git.mirror import Mirror
from engine.git.remote import remote
from engine.settings.live import LiveSettings
from engine.settings.model import RepoSettings, Settings
from engine.store.commits import KnownCommit, KnownWorkflow
from engine.store.repos import LastEvent, known_repo, known_repos, last_events, last_runs
from engine.store.store import Store
from engine.store.syncs import Sync
from pipelines.errors import WorkflowError
from pipelines.model import Input, Workflow
from pipelines.template import resolve


def repos_view(store: Store | None, settings: Settings, mirrors: Mirrors) -> list[dict[str, Any]]:
    """Return every repository that is configured, or that the home has seen, by name; neither secret nor token.

    - `url` (or the path), `configured`, and if it is: `forge`, `poll_s`, `watch`, `fork_prs`, `allow_host`, and whether
      it has a `secret` and a `token` (true, false).
    - `default_branch`, null while it is not known.
    - `last_sync`: null, or {`at`, `problem`}: when its refs were last asked for, and why in vain ("" when it was not).
    - `untold`: null, or who has not heard how its runs stand, and why: a sentence for each forge and webhook.
    - `last_event`: null, or {`id`, `kind`, `source`, `status`, `problem`, `received_at`}. `last_run`: null, or a run.

    Without a store, of a home where nothing was ever done, nothing is known but the configuration.
    """
    found = {repo.name: _configured(repo) for repo in settings.repos}
    if store is None:
        return [{**EMPTY, **found[name]} for name in sorted(found)]
    branches, syncs, events, newest = mirrors.default_branches(store), store.syncs.all(), last_events(), last_runs()
    runs = store.queries.runs_by_id(newest.values())
    untold = store.outbox.untold()
    for known in known_repos():
        last = runs.get(newest.get(known.id, 0))
        place = known.path or (remote(known.url).url if known.url else "")
        shape = found.setdefault(known.name, {"name": known.name, "url": place, "configured": False})
        shape["default_branch"] = branches.get(known.id)
        shape["last_sync"] = _sync(syncs.get(known.id))
        shape["untold"] = " ".join(one.sentence for one in untold if one.repo == known.name) or None
        shape["last_event"] = _event(events.get(known.id))
        shape["last_run"] = run_shape(last) if last else None
    return [{**EMPTY, **found[name]} for name in sorted(found)]


def settings_view(live: LiveSettings) -> dict[str, Any]:
    """Return the state of the configuration: its `file` (null: none is followed), what is wrong with it (`problem`, ""
    for nothing: then what it says is in force), and the keys that need a `restart` to have an effect."""
    return {"file": str(live.file) if live.file else None, "problem": live.problem, "restart": list(live.restart)}


def hook_of(settings: Settings, name: str) -> str:
    """Return where a forge sends a repository's deliveries."""
    host = f"[{settings.listen.host}]" if ":" in settings.listen.host else settings.listen.host
    return f"{settings.public_url or f'http://{host}:{settings.listen.port}'}/hooks/{quote(name)}"


def repo_id_of(store: Store, settings: Settings, name: str) -> int:
    """Return a repository's id, recording one that is configured and was never seen. Raises NotThere."""
    known = known_repo(name)
    if known is not None:
        return known.id
    configured = settings.repo(name)
    if configured is not None:
        return id_of_configured(store, configured)
    names = [repo.name for repo in settings.repos] + [repo.name for repo in known_repos()]
    near = get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "`treadle repo list` shows those there are."
    raise NotThere(f"There is no repository {name[:200]!r}.", hint)


def workflows_view(
    store: Store, mirrors: Mirrors, repo: RepoSettings, repo_id: int, branch: str | None
) -> dict[str, Any]:
    """Return the workflows of a branch (None: the default branch), as the home last saw it:

    `ref`, `sha`, and `workflows` [{`path`, `name`, `problem` ("" unless it cannot run), `events` [name], `dispatch`}].
    `dispatch` is null unless the workflow listens to workflow_dispatch, else {`inputs` [{`name`, `type` (string,
    boolean, number, choice, environment), `required`, `default` (null: none), `options` [text], `description`}]}.

    Raises EngineError when the branch is not known here.
    """
    branch = branch or mirrors.default_branch(store, repo_id)
    ref = branch if branch and branch.startswith("refs/") else f"{HEADS}{branch}"
    known = store.refs.get(repo_id, ref) if branch else None
    commit = _commit(store, mirrors.of(repo), repo_id, ref, known.sha) if known else None
    if commit is None:
        what = f"The branch {branch!r} of {repo.name}" if branch else f"The default branch of {repo.name}"
        raise EngineError(f"{what} is not known here (yet); `treadle repo sync {repo.name}` looks at it.")
    return {"ref": ref, "sha": commit.sha, "workflows": list(_workflows(store, commit))}


def _commit(store: Store, mirror: Mirror, repo_id: int, ref: str, sha: str) -> KnownCommit | None:
    """Return what is known of a commit, reading it from the mirror if it is there."""
    reader = CommitReader(store)
    return reader.known(repo_id, sha) or (reader.at(repo_id, sha, ref, mirror.repo) if mirror.has(sha) else None)


EMPTY: Mapping[str, Any] = dict.fromkeys(
    ("name", "url", "configured", "forge", "poll_s", "watch", "fork_prs", "allow_host", "secret", "token",
     "default_branch", "last_sync", "untold", "last_event", "last_run")
)  # fmt: skip


def _configured(repo: RepoSettings) -> dict[str, Any]:
    return {
        "name": repo.name,
        "url": remote(repo.url).url,
        "configured": True,
        "forge": repo.forge,
        "poll_s": repo.poll_s,
        "watch": repo.watch,
        "fork_prs": repo.fork_prs,
        "allow_host": repo.allow_host,
        "secret": bool(repo.secret),
        "token": bool(repo.token),
    }


def _sync(last: Sync | None) -> dict[str, Any] | None:
    return None if last is None else {"at": rfc3339(last.at), "problem": last.problem}


def _event(event: LastEvent | None) -> dict[str, Any] | None:
    return (
        None
        if event is None
        else {
            "id": event.id,
            "kind": event.kind,
            "source": event.source,
            "status": event.status,
            "problem": event.problem,
            "received_at": instant(event.received_at),
        }
    )


def _workflows(store: Store, commit: KnownCommit) -> Any:
    for path, known in commit.workflows.items():
        workflow, problem = _workflow(store, known)
        yield {
            "path": path,
            "name": workflow.title if workflow else path,
            "problem": problem,
            "events": [trigger.event for trigger in workflow.on] if workflow else [],
            "dispatch": _dispatch(workflow) if workflow else None,
        }


def _workflow(store: Store, known: KnownWorkflow) -> tuple[Workflow | None, str]:
    if known.definition is None:
        return None, known.problem
    try:
        return store.definitions.workflow(known.definition), known.problem
    except WorkflowError as error:
        return None, str(error)


def _dispatch(workflow: Workflow) -> dict[str, Any] | None:
    for trigger in workflow.on:
        if trigger.event == "workflow_dispatch":
            return {"inputs": [input_shape(one) for one in trigger.inputs.values()]}
    return None


def input_shape(declared: Input) -> dict[str, Any]:
    """An input as a workflow declares it."""
    return {
        "name": declared.name,
        "type": declared.type,
        "required": declared.required,
        "default": None if declared.default is None else resolve(declared.default, {}),
        "options": list(declared.options),
        "description": declared.description,
    }
