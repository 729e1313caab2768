"""What an event of the inbox is about: read from its fields, before Git is asked. Pure.

`fields` of an inbox event hold one of
- `event`: a forge's event as ForgeEvent keeps it, also those that Treadle makes itself in GitHub's shape; beside it
  `snapshot` {`sha`, `mirror`, `root`, `head`} when it is about a working tree;
- `schedule` {`workflow`, `cron`, `timezone`, `at`}: a schedule that came due;
- `workflow_run` {`action`, `branch`, `workflow`, `depth`, `host`, `payload`}: what became of a run here.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from engine.control.sources import PERSON
from engine.core.refs import HEADS
from engine.forges.delivery import kept_event
from engine.forges.event import ForgeEvent, Target
from engine.store.inbox import InboxEvent
from engine.store.run_news import FIELD
from pipelines.model import Workflow
from pipelines.records import dataclass
from pipelines.triggers import TriggerEvent


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A working tree as a commit: `head` is what it lies on, `root` the repository, `mirror` lends its objects."""

    sha: str
    root: str
    mirror: str | None
    head: str | None


@dataclass(frozen=True)
class Occasion:
    """An event of the inbox, understood. `default_branch` is what is known of it, if the event does not say.

    `only` is the workflow that alone is meant (path, file name or name), `is_fork` False unless a pull request may be
    from elsewhere (None: it does not say).
    """

    source: str
    event: ForgeEvent | None
    cron: str = ""
    schedule: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    default_branch: str | None = None
    run: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """What workflows call it: each name may start each workflow once."""
        if self.event is None:
            return ("workflow_run",) if self.run else ("schedule",)
        return tuple(dict.fromkeys(one.name for one in self.event.trigger_events()))

    @property
    def starts_nothing(self) -> str | None:
        return self.event.starts_nothing if self.event else None

    @property
    def by_person(self) -> bool:
        return self.source == PERSON or (self.event is not None and self.event.name == "workflow_dispatch")

    @property
    def is_fork(self) -> bool | None:
        if self.event is None or self.event.pr_number is None:
            return False
        return self.event.is_fork

    @property
    def only(self) -> str | None:
        if self.event is None:
            return str(self.schedule["workflow"]) if self.schedule else None
        return self.event.workflow if self.event.name == "workflow_dispatch" else None

    @property
    def inputs(self) -> Mapping[str, str]:
        given = (self.event.inputs if self.event else None) or {}
        return {name: value if isinstance(value, str) else _text(value) for name, value in given.items()}

    @property
    def may_use_host(self) -> bool:
        """Could the run that this is about use this machine itself? If not, what it has started cannot either."""
        return bool(self.run.get("host", True))

    @property
    def actor(self) -> str | None:
        """Who is behind it, as far as the event tells."""
        if self.event is None:
            return str(self.run["payload"]["sender"]["login"]) if self.run else "schedule"
        return self.event.sender or self.event.pusher or self.event.author

    @property
    def payload(self) -> Mapping[str, Any]:
        """Return `github.event`."""
        if self.event is not None:
            return self.event.github_payload
        payload: Mapping[str, Any] = self.run["payload"] if self.run else {"schedule": self.cron}
        return payload

    @property
    def is_push(self) -> bool:
        """Is it a push to a branch or tag, deletions included, that can tell where a ref stands?"""
        return self.event is not None and self.event.name == "push" and self.event.ref_type is not None

    def target_of(self, name: str) -> Target:
        """Return what a run under `name` is about; a target without a branch of its own is the default branch."""
        target = self.event.target_of(name) if self.event else Target("HEAD", "HEAD", None)
        if target.ref == "HEAD" and self.default_branch:
            ref = f"{HEADS}{self.default_branch}"
            return Target(ref, ref, target.sha)
        return target

    def trigger_events(self, name: str, changed: tuple[str, ...] | None, message: str) -> list[TriggerEvent]:
        if self.run:
            told = self.run
            return [TriggerEvent(name, told["action"], branch=told["branch"], workflow=told["workflow"])]
        if self.event is None:
            return [TriggerEvent(name="schedule", cron=self.cron)]
        return [one for one in self.event.trigger_events(changed, message) if one.name == name]


def working_tree_key(repo_id: int) -> str:
    """Return the cursor's name under which the last look at a working tree is kept: {`tree`, `sha`}."""
    return f"working-tree:{repo_id}"


def is_meant(only: str | None, path: str, workflow: Workflow | None) -> bool:
    """Return whether a workflow is the one that is asked for: by path, by file name, or by its own name."""
    if only is None:
        return True
    return only in (path, path.rpartition("/")[2]) or (workflow is not None and workflow.name == only)


def read_occasion(inbox: InboxEvent, default_branch: str | None) -> Occasion:
    """Return what an event is about. Raises DeliveryError for one that this version reads no more."""
    fields = inbox.fields
    if "schedule" in fields:
        told = fields["schedule"]
        return Occasion(inbox.source, None, told["cron"], told, default_branch=default_branch)
    if FIELD in fields:
        return Occasion(inbox.source, None, default_branch=default_branch, run=fields[FIELD])
    kept = dict(fields["event"])
    if kept["event"] == "workflow_dispatch" and not kept["payload"].get("ref"):  # a person may leave it to us
        kept["payload"] = {**kept["payload"], "ref": default_branch or "HEAD"}
    event = kept_event(kept)
    told = fields.get("snapshot")
    snapshot = Snapshot(told["sha"], told["root"], told["mirror"], told["head"]) if told else None
    return Occasion(inbox.source, event, snapshot=snapshot, default_branch=event.default_branch or default_branch)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
