"""The one normalised event that a delivery of any forge becomes, and what it means to workflows."""

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any

from engine.core.refs import HEADS, TAGS
from pipelines.events import started_by_delivery
from pipelines.records import dataclass
from pipelines.triggers import DEFAULT_TYPES, TriggerEvent

_DRAFT_SILENT = ("created", "edited", "deleted")  # GitHub starts nothing for these of a draft release


@dataclass(frozen=True, slots=True)
class Target:
    """What a run of an event is about: `ref` is `github.ref`, `fetch_ref` what to ask the remote for.

    `sha` is the commit that must be found there, None when the delivery does not tell: then what `fetch_ref` names.
    """

    ref: str
    fetch_ref: str
    sha: str | None


@dataclass(frozen=True, slots=True)
class ForgeEvent:
    """A delivery as facts; None: the payload does not say. Every text is the sender's word: data, never code.

    `event` is the forge's name for it, `name` what workflows call it (None: they have no word for it), `action` the
    forge's word, `actions_type` GitHub's where there is one word for it, `types` the activity types that it counts as.
    Branch and tag names, commit ids and `repo` are valid as such; `clone_url` is not checked and not for cloning.
    `payload` is what came, `github_payload` the same as GitHub would have sent it (`github.event`).
    """

    forge: str
    event: str
    delivery_id: str
    name: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)
    github_payload: Mapping[str, Any] = field(default_factory=dict, repr=False)

    repo: str | None = None
    clone_url: str | None = None
    default_branch: str | None = None
    private: bool | None = None
    sender: str | None = None

    action: str | None = None
    actions_type: str | None = None
    types: tuple[str, ...] = ()

    ref: str | None = None
    ref_type: str | None = None
    branch: str | None = None
    tag: str | None = None
    sha: str | None = None
    before: str | None = None
    created: bool | None = None
    deleted: bool | None = None
    forced: bool | None = None

    author: str | None = None
    pusher: str | None = None
    message: str | None = None
    tag_message: str | None = None
    commits: int | None = None
    total_commits: int | None = None
    changed_files: tuple[str, ...] | None = None
    files_complete: bool = False

    pr_number: int | None = None
    title: str | None = None
    head_ref: str | None = None
    base_ref: str | None = None
    head_repo: str | None = None
    head_sha: str | None = None
    base_sha: str | None = None
    merged: bool | None = None
    draft: bool | None = None
    is_fork: bool | None = None
    labels: tuple[str, ...] | None = None
    fetch_ref: str | None = None

    prerelease: bool | None = None
    target: str | None = None
    workflow: str | None = None
    inputs: Mapping[str, Any] | None = None

    @property
    def is_ping(self) -> bool:
        return self.event == "ping"

    @property
    def default_types_trigger(self) -> bool | None:
        """Would a workflow that says only `on: pull_request` take it? None when it is no pull request."""
        return None if self.pr_number is None else any(one in DEFAULT_TYPES for one in self.types)

    @property
    def starts_nothing(self) -> str | None:
        """Return why no workflow can run, whatever it says under `on:`, or None when one may."""
        if self.is_ping:
            return "a ping only asks whether somebody listens"
        if not started_by_delivery(self.name):
            return f"no workflow can be started by {self.event}"
        if self.name == "push" and self.deleted:
            return "the push deletes its ref: there is nothing to run"
        if self.name == "push" and self.ref_type is None:
            return f"{self.ref} is no branch or tag that Git allows"
        if self.name == "release" and self.draft and self.action in _DRAFT_SILENT:
            return f"a draft release that is {self.action} starts nothing"
        return None

    def trigger_events(
        self, changed_files: tuple[str, ...] | None = None, message: str | None = None
    ) -> tuple[TriggerEvent, ...]:
        """Return what the filters of workflows look at: one for each event name and activity type that this counts as.

        A workflow runs at most once for each `name`, when any of them fires. `changed_files` and `message` are what
        Git knows better; without them the payload's own are taken, the files only if it lists all of them.
        """
        if self.starts_nothing:
            return ()
        listed = self.changed_files if self.files_complete else None
        return tuple(
            TriggerEvent(
                name=name,
                action=action,
                ref=self.target_of(name).ref,
                branch=self.head_ref if self.pr_number is not None else self.branch,
                tag=self.tag,
                base_branch=self.base_ref,
                changed_files=listed if changed_files is None else changed_files,
                message=(self.message if message is None else message) or "",
                deleted=bool(self.deleted),
            )
            for name in started_by_delivery(self.name)
            for action in self.types or (None,)
        )

    def target_of(self, name: str) -> Target:
        """Return what a run is about that the event starts under `name` (one of its trigger events')."""
        if name == "pull_request":
            return Target(f"refs/pull/{self.pr_number}/merge", self.fetch_ref or "HEAD", self.head_sha)
        if name == "pull_request_target":
            base = f"{HEADS}{self.base_ref}"
            return Target(base, base, self.base_sha)
        if name != "delete" and (self.branch or self.tag):
            ref = f"{TAGS}{self.tag}" if self.tag else f"{HEADS}{self.branch}"
            return Target(ref, ref, self.sha)
        ref = f"{HEADS}{self.default_branch}" if self.default_branch else "HEAD"
        return Target(ref, ref, None)

    def to_json(self) -> dict[str, Any]:
        """Return the event as plain JSON to keep: what came, from which `delivery.kept_event` reads the facts again."""
        kept = {"forge": self.forge, "event": self.event, "delivery_id": self.delivery_id}
        return {**kept, "payload": self.payload}

    def facts(self) -> dict[str, Any]:
        """Return what is known as plain JSON values, without the payload: to store, to show and to compare."""
        skipped = ("payload", "github_payload", "files_complete", "types")
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in skipped}
        told["default_types_trigger"] = self.default_types_trigger
        told["changed_files_complete"] = self.files_complete if self.changed_files is not None else None
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in told.items()
            if value is not None
        }
