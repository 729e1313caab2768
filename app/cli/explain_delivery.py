"""`treadle explain --payload`: what a webhook delivery would become, and which workflows it would run and why."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.cli.output import print_json, talk
from app.cli.repo_names import settings_here
from app.cli.workflow_files import find_workflow, workflow_files
from engine.control.forks import Trust, trust
from engine.control.inbox.occasions import is_meant
from engine.core.clock import SystemClock
from engine.core.errors import SettingsError
from engine.forges.delivery import read_delivery
from engine.forges.errors import DeliveryError
from engine.forges.event import ForgeEvent
from engine.forges.forms import FORM, form_payload, media_type
from engine.forges.headers import Headers
from engine.forges.payload import read_json
from engine.forges.signatures import Verdict as Signature
from engine.forges.signatures import forge_of, verify
from engine.settings.model import RepoSettings
from pipelines.errors import WorkflowError
from pipelines.model import Workflow
from pipelines.parse import parse_workflow
from pipelines.triggers import Verdict, fires
from widgets.safe_text import plain

GITLAB_HOOKS = {
    "push": "Push Hook", "tag_push": "Tag Push Hook", "merge_request": "Merge Request Hook", "release": "Release Hook",
}  # fmt: skip
GITHUB_MARKS = (  # the first event of which a payload has all these keys
    ("ping", {"zen"}),
    ("pull_request", {"pull_request", "action"}),
    ("release", {"release"}),
    ("push", {"ref", "before", "after"}),
    ("create", {"ref", "ref_type", "master_branch"}),
    ("delete", {"ref", "ref_type"}),
    ("workflow_dispatch", {"workflow", "inputs"}),
    ("repository_dispatch", {"client_payload"}),
)


def explain_delivery(args: argparse.Namespace) -> int:
    """Print the event and the verdicts. Returns 2 if a workflow cannot be read."""
    body = _body(args.payload)
    try:
        headers = _headers(args.header, body)
        event = read_delivery(headers, body)
    except DeliveryError as error:
        raise SettingsError(f"{args.payload} is no delivery: {error}.", "`--header` gives it its headers.") from None
    repo = settings_here(args).repo(event.repo or "")
    signature = verify(event.forge, headers, body, repo.secret if repo else None, SystemClock().now())
    changed = tuple(args.changed) if args.changed is not None else None
    found, broken = _workflows(args.targets)
    told = [_told(path, flow, _judged(event, flow, path, changed, repo)) for path, flow in found.items()]
    told += [_told(path, None, Verdict(False, f"invalid: {error}")) for path, error in broken.items()]
    if args.json:
        print_json({"event": shape(event, changed), "signature": str(signature), "workflows": told})
    else:
        _print(shape(event, changed), signature, told)
    return 2 if broken else 0


def shape(event: ForgeEvent, changed: tuple[str, ...] | None) -> dict[str, Any]:
    """Return the event as the contract words it; null is what the delivery does not say."""
    files = changed if changed is not None else event.changed_files
    return {
        "name": event.name or event.event,
        "action": event.actions_type or event.action,
        "repo": event.repo,
        "clone_url": event.clone_url,
        "ref": event.ref or (event.target_of("pull_request").ref if event.pr_number is not None else None),
        "branch": event.branch or event.head_ref,
        "tag": event.tag,
        "sha": event.sha,
        "before": event.before,
        "author": event.author,
        "message": event.message,
        "pr": event.pr_number,
        "is_fork": event.is_fork,
        "changed_files": None if files is None else list(files),
    }


def _body(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"The payload {path} cannot be read: {error.strerror}.") from None


def _headers(given: list[str], body: bytes) -> Headers:
    """Return the headers as given, with those that any forge would send. Raises DeliveryError."""
    pairs = []
    for line in given:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise SettingsError(f"--header {line!r}: give 'NAME: VALUE'.")
        pairs.append((name.strip(), value.strip()))
    if not media_type(Headers(pairs)):
        pairs.append(("Content-Type", FORM if body.startswith(b"payload=") else "application/json"))
    headers = Headers(pairs)
    if forge_of(headers) is not None:
        return headers
    name, word = _guess(read_json(form_payload(body) if media_type(headers) == FORM else body))
    talk(f"No header names the event; by its payload it is `{name}: {word}`.")
    return Headers([*pairs, (name, word)])


def _guess(tree: Mapping[str, Any]) -> tuple[str, str]:
    """Return the header that would go with a payload. Raises DeliveryError when nothing tells."""
    if "project" in tree and ("object_kind" in tree or "event_name" in tree):
        kind = str(tree.get("object_kind") or tree.get("event_name"))
        return "X-Gitlab-Event", GITLAB_HOOKS.get(kind, "System Hook")
    word = next((event for event, keys in GITHUB_MARKS if keys <= tree.keys()), None)
    if word is None:
        raise DeliveryError(400, "no header says which event it is, and the payload does not tell")
    return "X-GitHub-Event", word


def _workflows(asked: list[str]) -> tuple[dict[str, Workflow], dict[str, WorkflowError]]:
    """Return the workflows by path, and those that cannot be read with what is wrong."""
    found: dict[str, Workflow] = {}
    broken: dict[str, WorkflowError] = {}
    here = Path()
    for text in asked or [path.as_posix() for path in workflow_files(here)]:
        try:
            flow = find_workflow(here, text) if asked else parse_workflow(Path(text).read_bytes(), text)
            found[flow.path] = flow
        except WorkflowError as error:
            broken[error.path] = error
    return found, broken


def _judged(
    event: ForgeEvent, flow: Workflow, path: str, changed: tuple[str, ...] | None, repo: RepoSettings | None
) -> Verdict:
    """Return whether the workflow would run: if any name and activity type of the event lets it."""
    if event.starts_nothing:
        return Verdict(False, event.starts_nothing)
    if event.name == "workflow_dispatch" and not is_meant(event.workflow, path, flow):
        return Verdict(False, f"the dispatch asks for {event.workflow}")
    verdicts = [fires(flow.on, one) for one in event.trigger_events(changed)]
    verdict = next((one for one in verdicts if one.runs), verdicts[0])
    if not verdict.runs or repo is None or event.pr_number is None:
        return verdict
    allowed = trust(event.is_fork, repo)
    if allowed is Trust.REFUSED:
        return Verdict(False, "a pull request from a fork, and the repository's fork_prs is never")
    return Verdict(True, f"{verdict.reason}; waits for a person") if allowed is Trust.WAITS else verdict


def _told(path: str, flow: Workflow | None, verdict: Verdict) -> dict[str, Any]:
    name = flow.title if flow else path
    return {"path": path, "name": name, "runs": verdict.runs, "reason": verdict.reason}


def _print(event: Mapping[str, Any], signature: Signature, workflows: list[dict[str, Any]]) -> None:
    for name, value in event.items():
        if value is not None:
            text = ", ".join(value) if isinstance(value, list) else str(value).strip().partition("\n")[0]
            print(f"{name.replace('_', ' '):<14} {plain(text)}")
    print(f"{'signature':<14} {signature}\n")
    for one in workflows:
        print(plain(f"{'runs' if one['runs'] else 'does not run':<13} {one['path']}: {one['reason']}"))
    if not workflows:
        talk("There are no workflows here.")
