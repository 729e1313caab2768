"""Does this event start this workflow, and which filter said so? Pure: all there is to know comes with the event."""

import re

from pipelines.filters import Patterns, compile_patterns
from pipelines.model import Trigger
from pipelines.records import dataclass

SKIP_WORDS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")
SKIP_TRAILER = re.compile(r"\n[ \t]*\n(?:[\w-]+:.*\n)*skip-checks: ?true\s*\Z", re.IGNORECASE)
SKIPPABLE = ("push", "pull_request")
DEFAULT_TYPES = ("opened", "synchronize", "reopened")
NAMED = 3  # changed files in a reason
PULL_REQUESTS = ("pull_request", "pull_request_target")


@dataclass(frozen=True, slots=True)
class TriggerEvent:
    """What the filters look at, of any event.

    `branch` and `tag` are short names: of what was pushed, of the head of a pull request, of the run that
    `workflow_run` tells of. `base_branch` is where a pull request wants to go. `changed_files` is None when they are
    not known. `message` is the head commit's. `cron` is the schedule that came due, `workflow` the name of the
    workflow that `workflow_run` tells of.
    """

    name: str
    action: str | None = None
    ref: str = ""
    branch: str | None = None
    tag: str | None = None
    base_branch: str | None = None
    changed_files: tuple[str, ...] | None = None
    message: str = ""
    deleted: bool = False
    cron: str | None = None
    workflow: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the workflow runs, and a phrase that says which filter decided."""

    runs: bool
    reason: str


def fires(workflow_on: tuple[Trigger, ...], event: TriggerEvent) -> Verdict:
    """Return whether an event starts a workflow that says `on: workflow_on`, with the filter that decided.

    Raises PatternError for a filter that cannot be read.
    """
    triggers = [trigger for trigger in workflow_on if trigger.event == event.name]
    if not triggers:
        names = ", ".join(dict.fromkeys(trigger.event for trigger in workflow_on))
        return Verdict(False, f"on: does not name {event.name}, only {names}" if names else "on: names no event")
    if event.name == "push" and event.deleted:
        return Verdict(False, "the push deletes its ref: there is nothing to run")
    if event.name in SKIPPABLE and (word := skip_word(event.message)):
        return Verdict(False, f"the head commit's message says {word}")
    verdicts = [_verdict(trigger, event) for trigger in triggers]
    return next((verdict for verdict in verdicts if verdict.runs), verdicts[0])


def skip_word(message: str) -> str | None:
    """Return the words in a commit message that ask for no run, or None."""
    lowered = message.lower()
    found = next((word for word in SKIP_WORDS if word in lowered), None)
    return found or ("skip-checks: true" if SKIP_TRAILER.search(message) else None)


def _verdict(trigger: Trigger, event: TriggerEvent) -> Verdict:
    """Return what one entry of `on:` says to an event of its name: the first no, else every yes."""
    yes: list[str] = []
    for check in (_types, _cron, _workflows, _refs, _paths):
        verdict = check(trigger, event)
        if verdict is None:
            continue
        if not verdict.runs:
            return verdict
        yes.append(verdict.reason)
    return Verdict(True, f"{event.name}: {'; '.join(yes)}" if yes else f"{event.name}, without a filter")


def _types(trigger: Trigger, event: TriggerEvent) -> Verdict | None:
    types = trigger.filters.get("types")
    if types is None and event.name in PULL_REQUESTS:
        if event.action in DEFAULT_TYPES:
            return None
        return Verdict(False, f"the action {event.action} is none of the default types {', '.join(DEFAULT_TYPES)}")
    if types is None:
        return None
    if event.action in types:
        return Verdict(True, f"types names {event.action}")
    return Verdict(False, f"types does not name the action {event.action or 'of this event'}")


def _cron(trigger: Trigger, event: TriggerEvent) -> Verdict | None:
    if trigger.event != "schedule" or event.cron is None:
        return None
    if event.cron in trigger.filters.get("cron", ()):
        return Verdict(True, f"cron {event.cron} came due")
    return Verdict(False, f"cron {event.cron} is not in its schedule")


def _workflows(trigger: Trigger, event: TriggerEvent) -> Verdict | None:
    names = trigger.filters.get("workflows")
    if trigger.event != "workflow_run" or names is None:
        return None
    decided = None if event.workflow is None else compile_patterns(names).deciding(event.workflow)
    if decided is not None:
        return Verdict(not decided.negative, f"workflows has {decided.source!r} for {event.workflow}")
    return Verdict(False, f"workflows does not name {event.workflow}")


def _refs(trigger: Trigger, event: TriggerEvent) -> Verdict | None:
    """Judge the branch or tag. A push is not for a workflow that filters only the other kind of ref."""
    if event.name == "push":
        kind, name = ("tags", event.tag) if event.tag is not None else ("branches", event.branch)
    else:
        kind, name = "branches", event.base_branch if event.name in (*PULL_REQUESTS, "merge_group") else event.branch
    if name is None:
        return None
    for key in (kind, f"{kind}-ignore"):
        if key in trigger.filters:
            return _filtered(key, trigger.filters[key], name, "base branch" if name == event.base_branch else kind)
    other = "branches" if kind == "tags" else "tags"
    set_other = next((key for key in (other, f"{other}-ignore") if key in trigger.filters), None)
    if event.name == "push" and set_other:
        return Verdict(False, f"only {set_other} is filtered, and {name} is a {'tag' if kind == 'tags' else 'branch'}")
    return None


def _filtered(key: str, patterns: tuple[str, ...], name: str, noun: str) -> Verdict:
    compiled = compile_patterns(patterns)
    runs = compiled.passes([name], ignore=key.endswith("-ignore"))
    what = {"branches": "branch", "tags": "tag"}.get(noun, noun)
    decided = compiled.deciding(name)
    if decided is None:
        return Verdict(runs, f"{key} does not match the {what} {name}")
    return Verdict(runs, f"{key} has {decided.source!r} for the {what} {name}")


def _paths(trigger: Trigger, event: TriggerEvent) -> Verdict | None:
    """Judge the changed files. Tags have none; files that are not known count as changed, as on GitHub."""
    key = next((key for key in ("paths", "paths-ignore") if key in trigger.filters), None)
    if key is None or event.tag is not None:
        return None
    files = event.changed_files
    if files is None:
        return Verdict(True, f"{key} was passed over, for the changed files are not known")
    ignore = key.endswith("-ignore")
    compiled = compile_patterns(trigger.filters[key])
    if not compiled.passes(files, ignore):
        return Verdict(False, _no_file(key, compiled, files))
    chosen = next((name for name in files if compiled.includes(name) is not ignore), None)
    if chosen is None:
        return Verdict(True, f"{key} holds no pattern")
    decided = compiled.deciding(chosen)
    return Verdict(True, f"{key} has {decided.source!r} for {chosen}" if decided else f"{key} does not match {chosen}")


def _no_file(key: str, compiled: Patterns, files: tuple[str, ...]) -> str:
    """Say why no changed file lets an event through: which pattern takes one out, or that none matches any."""
    if not files:
        return f"{key} is set and no file changed"
    taken = next(((name, pattern) for name in files if (pattern := compiled.deciding(name))), None)
    others = f", and no other of the {len(files)} changed files counts" if len(files) > 1 else ""
    if taken is not None:
        name, pattern = taken
        return f"{key} has {pattern.source!r} for {name}{others}"
    named = ", ".join(files[:NAMED]) + (", …" if len(files) > NAMED else "")
    return (
        f"{key} does not match {files[0]}"
        if len(files) == 1
        else (f"{key} does not match any of the {len(files)} changed files: {named}")
    )
