"""Every event that GitHub knows under `on:`: its activity types, its filters, and what makes it happen here.

The one table of these: the parser reads `on:` by it, and what a delivery may start is told by it.
"""

from collections.abc import Iterable
from functools import cache

from pipelines.records import dataclass

_BRANCHES = ("branches", "branches-ignore")
_TAGS = ("tags", "tags-ignore")
_PATHS = ("paths", "paths-ignore")
PATTERNS = frozenset((*_BRANCHES, *_TAGS, *_PATHS))
"""The filters that hold patterns."""
CLOCK, CALLER, RUN = "the clock", "a workflow that calls it", "a run of another workflow"
_EDITED = "created edited deleted"
_PULL_REQUEST = (
    "assigned unassigned labeled unlabeled opened edited closed reopened synchronize converted_to_draft locked "
    "unlocked enqueued dequeued milestoned demilestoned ready_for_review review_requested review_request_removed "
    "auto_merge_enabled auto_merge_disabled stacked"
)


@dataclass(frozen=True, slots=True)
class EventKind:
    """What there is to an event. `types` are its activity types; ANY_TYPE: the senders' own.

    `started_by` is what can start runs of it: a delivery by its event's name, CLOCK, CALLER, RUN; or None: it is
    recorded when a forge tells of it, and starts nothing. A comment or a star of a stranger is no reason to run
    anything on this machine.
    """

    types: tuple[str, ...]
    filters: tuple[str, ...]
    started_by: str | None


def _event(types: str = "", *filters: str, started_by: str | None = None) -> EventKind:
    return EventKind(tuple(types.split()), filters, started_by)


EVENTS: dict[str, EventKind] = {
    "branch_protection_rule": _event(_EDITED),
    "check_run": _event("completed created rerequested requested_action"),
    "check_suite": _event("completed"),
    "create": _event(started_by="create"),
    "delete": _event(started_by="delete"),
    "deployment": _event(),
    "deployment_status": _event(),
    "discussion": _event(
        "created edited deleted transferred pinned unpinned labeled unlabeled locked unlocked category_changed "
        "answered unanswered"
    ),
    "discussion_comment": _event(_EDITED),
    "fork": _event(),
    "gollum": _event(),
    "image_version": _event("created ready deleted", "names", "versions"),
    "issue_comment": _event(_EDITED),
    "issues": _event(
        "opened edited deleted transferred pinned unpinned closed reopened assigned unassigned labeled unlabeled "
        "locked unlocked milestoned demilestoned field_added field_removed typed untyped"
    ),
    "label": _event(_EDITED),
    "merge_group": _event("checks_requested", *_BRANCHES),
    "milestone": _event("created closed opened edited deleted"),
    "page_build": _event(),
    "project": _event("created closed reopened edited deleted"),
    "project_card": _event("created moved converted edited deleted"),
    "project_column": _event("created updated moved deleted"),
    "public": _event(),
    "pull_request": _event(_PULL_REQUEST, *_BRANCHES, *_PATHS, started_by="pull_request"),
    "pull_request_comment": _event(_EDITED),
    "pull_request_review": _event("submitted edited dismissed"),
    "pull_request_review_comment": _event(_EDITED),
    "pull_request_target": _event(_PULL_REQUEST, *_BRANCHES, *_PATHS, started_by="pull_request"),
    "push": _event("", *_BRANCHES, *_TAGS, *_PATHS, started_by="push"),
    "registry_package": _event("published updated"),
    "release": _event("published unpublished created edited deleted prereleased released", started_by="release"),
    "repository_dispatch": _event("*", started_by="repository_dispatch"),
    "schedule": _event(started_by=CLOCK),
    "status": _event(),
    "watch": _event("started"),
    "workflow_call": _event(started_by=CALLER),
    "workflow_dispatch": _event(started_by="workflow_dispatch"),
    "workflow_run": _event("requested completed in_progress", "workflows", *_BRANCHES, started_by=RUN),
}
ANY_TYPE = ("*",)


@cache
def started_by_delivery(name: str | None) -> tuple[str, ...]:
    """Return the events of workflows that a delivery of this name can start, each once; none for most."""
    return tuple(event for event, kind in EVENTS.items() if kind.started_by is not None and kind.started_by == name)


def can_start(events: Iterable[str]) -> bool:
    """Return whether a workflow that names these events is ever started by one of them."""
    return any(EVENTS[event].started_by for event in events)
