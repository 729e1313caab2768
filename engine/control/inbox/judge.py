"""What comes of one event: which workflows of its commit run, and why the others do not. Writes no status.

What it needs and the home has not is asked for by raising NotHere; it never waits for a network itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Any

from engine.control.called_workflows import CallNotHere, OtherRepositories, Text, finder
from engine.control.forks import Trust, may_use_host, trust
from engine.control.inbox.changed_files import ChangedFiles
from engine.control.inbox.occasions import Occasion, is_meant, read_occasion, working_tree_key
from engine.control.inbox.places import CommitNotHere, EventPlace, Gone, Places
from engine.control.inbox.pushes import RefNews, deletion, push_of
from engine.control.mirrors import Mirrors
from engine.control.planning import (
    Prepared,
    decoded,
    final_plan,
    inputs_blamed_on,
    prepare_run,
    refuse_what_cannot_run,
    urgency,
)
from engine.core.clock import rfc3339
from engine.forges.errors import DeliveryError
from engine.git import repository
from engine.settings.model import RepoSettings
from engine.store.inbox import InboxEvent
from engine.store.store import Store
from pipelines.called import Calls, WorkflowRef
from pipelines.dispatch_inputs import dispatch_inputs
from pipelines.errors import WorkflowError
from pipelines.filters import PatternError
from pipelines.github_context import GITHUB, github_context
from pipelines.model import Workflow
from pipelines.policy import POLICY_PATH
from pipelines.records import dataclass
from pipelines.triggers import Verdict, fires
from pipelines.values import to_string


@dataclass(frozen=True)
class Settled:
    """What an event comes to: `dropped` says why nothing can come of it, else `verdicts` tell of each workflow.

    `secrets`: the runs may see those of the repository. `news` is written along.
    """

    dropped: str = ""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    runs: tuple[Prepared, ...] = ()
    blocked: bool = False
    secrets: bool = False
    actor: str = ""
    news: RefNews | None = None


class Judge:
    """For one thread."""

    def __init__(
        self, store: Store, mirrors: Mirrors, others: OtherRepositories, variables: Callable[[str], Mapping[str, str]]
    ) -> None:
        """`variables` gives the `vars` of a repository."""
        self._variables = variables
        self._store = store
        self._mirrors = mirrors
        self._others = others
        self._places = Places(store)

    def judge(self, event: InboxEvent, repo: RepoSettings, brought: Mapping[str, str]) -> Settled:
        """Return what comes of an event. `brought` is what NotHere asked for, by key, and why it did not come, or "".

        Raises NotHere, and GitError for a repository that cannot be read.
        """
        try:
            occasion = read_occasion(event, self._mirrors.default_branch(self._store, event.repo_id))
        except DeliveryError as error:
            return Settled(f"this version does not read it: {error}")
        if occasion.starts_nothing:
            return Settled(occasion.starts_nothing, news=deletion(event, occasion))
        allowed = trust(occasion.is_fork, repo)
        if allowed is Trust.REFUSED:
            return Settled("a pull request from a fork, and the repository's fork_prs is never")
        try:
            places = self._places.of(
                event.repo_id, occasion, self._mirrors.of(repo), fetched=CommitNotHere.key in brought
            )
        except Gone as gone:
            return Settled(str(gone))
        if occasion.snapshot is not None and event.planned_at is None:
            latest = self._store.cursors.get(working_tree_key(event.repo_id))
            if latest is not None and latest["sha"] != occasion.snapshot.sha:
                return Settled("the working tree has changed again since")
        push = push_of(self._store, event, occasion, places[0])
        if push.repeated:
            return Settled(push.repeated, news=push.news)
        settled = self._workflows(event, occasion, repo, places, brought)
        if not settled.verdicts:
            return Settled(_nothing(occasion, places[0]), news=push.news)
        return replace(
            settled,
            blocked=allowed is Trust.WAITS,
            secrets=allowed is Trust.RUNS,
            actor=_actor(occasion, places[0]),
            news=push.news,
        )

    def _workflows(
        self,
        event: InboxEvent,
        occasion: Occasion,
        repo: RepoSettings,
        places: list[EventPlace],
        brought: Mapping[str, str],
    ) -> Settled:
        """Hold every workflow against the event, under each of its names; one that runs under any has that verdict."""
        verdicts: dict[str, Verdict] = {}
        runs: list[Prepared] = []
        for place in places:
            changed = ChangedFiles(occasion, place)
            for path, known in place.commit.workflows.items():
                try:
                    workflow = self._store.definitions.workflow(known.definition) if known.definition else None
                    if not is_meant(occasion.only, path, workflow):
                        continue
                    verdict = Verdict(False, f"invalid: {known.problem}")
                    if workflow is not None and known.definition is not None:
                        found = _verdict(workflow, occasion, place, changed)
                        verdict = verdict if found.runs and known.problem else found
                        if verdict.runs:
                            calls = self._calls(place, workflow, brought)
                            runs.append(self._prepare(event, occasion, repo, place, workflow, known.definition, calls))
                except (WorkflowError, PatternError) as error:
                    verdict = Verdict(False, f"invalid: {error}")
                if path not in verdicts or verdict.runs:
                    verdicts[path] = verdict
        return Settled(verdicts={path: verdict.reason for path, verdict in verdicts.items()}, runs=tuple(runs))

    def _calls(self, place: EventPlace, workflow: Workflow, brought: Mapping[str, str]) -> Calls:
        """Return the workflows that one calls. Raises WorkflowError, and CallNotHere for one that is elsewhere."""
        if not any(job.uses for job in workflow.jobs.values()):
            return {}

        def elsewhere(ref: WorkflowRef) -> Text:
            missing = CallNotHere(self._others, ref)
            if missing.key not in brought:
                raise missing
            return self._others.known(ref, brought[missing.key])

        repo, rev = place.open_repo(), place.commit.sha
        policy = decoded(repository.read_file(repo, rev, POLICY_PATH) or b"", POLICY_PATH)

        def load(path: str) -> bytes | None:
            return repository.read_file(repo, rev, path)

        return refuse_what_cannot_run(workflow, load, find=finder(self._store, load, policy, elsewhere))

    def _prepare(
        self,
        event: InboxEvent,
        occasion: Occasion,
        repo: RepoSettings,
        place: EventPlace,
        workflow: Workflow,
        digest: str,
        calls: Calls,
    ) -> Prepared:
        """Plan one run, ids and numbers aside. Raises WorkflowError."""
        inputs: Mapping[str, Any] = {}
        trigger = next((one for one in workflow.on if one.event == "workflow_dispatch"), None)
        if place.name == "workflow_dispatch" and trigger is not None:
            with inputs_blamed_on(workflow):
                inputs = dispatch_inputs(trigger, occasion.inputs)
        github = github_context(
            repository=repo.name,
            sha=place.shown_sha,
            ref=place.ref,
            event_name=place.name,
            event=_payload(occasion, place, inputs),
            actor=_actor(occasion, place),
            workflow=workflow.title,
            workflow_path=workflow.path,
            server_url=self._mirrors.of(repo).source.server or GITHUB,
            default_branch=occasion.default_branch or "",
        )
        source = {
            "root": str(place.root),
            "sha": place.commit.sha,
            "branch": place.branch,
            "mirror": place.snapshots,
            "host": occasion.may_use_host and may_use_host(repo, event.source),
            "vault": event.repo_id if trust(occasion.is_fork, repo) is Trust.RUNS else None,
        }
        hurry = urgency(place.name, by_person=occasion.by_person)
        newest_only = occasion.snapshot is not None
        prepared = prepare_run(
            workflow,
            digest,
            github,
            source,
            inputs,
            self._variables(repo.name),
            urgency=hurry,
            newest_only=newest_only,
            calls=calls,
        )
        final_plan(prepared, 1, 1)  # what cannot be planned is said now, not within the write
        return prepared


def _verdict(workflow: Workflow, occasion: Occasion, place: EventPlace, changed: ChangedFiles) -> Verdict:
    """Return whether a workflow runs under the place's event name: if any of its activity types lets it."""
    asks = any(key.startswith("paths") for on in workflow.on if on.event == place.name for key in on.filters)
    files = changed.files if asks else None
    events = occasion.trigger_events(place.name, files, place.commit.message)
    verdicts = [fires(workflow.on, one) for one in events]
    return next((one for one in verdicts if one.runs), verdicts[0])


def _actor(occasion: Occasion, place: EventPlace) -> str:
    """Return who is behind an event: where it does not tell, who made the commit."""
    return occasion.actor or place.commit.author_name


def _nothing(occasion: Occasion, place: EventPlace) -> str:
    held = place.commit.workflows
    if held:
        return f"there is no workflow {occasion.only!r} at {place.ref}, only {', '.join(held)}"
    return f"{place.ref} ({place.commit.sha[:12]}) has no workflows in {', '.join(repository.WORKFLOW_FOLDERS)}"


def _payload(occasion: Occasion, place: EventPlace, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return `github.event`; a push that nobody described gets its head commit from Git, a run by hand all `inputs`,
    the defaults among them, as texts."""
    payload = dict(occasion.payload)
    if inputs:
        payload["inputs"] = {name: to_string(value) for name, value in inputs.items()}
    if place.name == "push" and not payload.get("head_commit"):
        commit = place.commit
        author = {"name": commit.author_name, "email": commit.author_email}
        told = {"id": place.shown_sha, "message": commit.message, "author": author, "committer": author}
        payload["head_commit"] = {**told, "timestamp": rfc3339(commit.at)}
        payload["commits"] = payload.get("commits") or [payload["head_commit"]]
    return payload
