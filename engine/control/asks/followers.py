"""Workflows that would follow a run (`on: workflow_run`): a server starts them, `treadle run` names them."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.control.planning import decoded
from pipelines.errors import WorkflowError
from pipelines.model import Trigger, Workflow
from pipelines.parse import parse_workflow
from pipelines.triggers import TriggerEvent, fires

WORKFLOW_RUN = "workflow_run"


def followers(files: Mapping[str, bytes], titles: Iterable[str], branch: str | None) -> tuple[str, ...]:
    """Return a sentence for each workflow among `files` that follows a run of one of these titles."""
    notes = []
    for path, content in files.items():
        if WORKFLOW_RUN.encode() not in content:
            continue
        try:
            workflow = parse_workflow(decoded(content, path), path)
        except WorkflowError:
            continue  # it starts nothing, and `treadle validate` says why
        title = next((title for title in titles if _follows(workflow, title, branch)), None)
        if title is not None:
            notes.append(
                f"{path} follows {title} (on: workflow_run), but on a server alone: "
                f"`treadle run {path} --event workflow_run` runs it as if {title} had succeeded."
            )
    return tuple(notes)


def payload_of_success(trigger: Trigger | None, repository: str, branch: str | None, sha: str) -> dict[str, Any]:
    """Return `github.event` of a run by hand that follows the success of the first workflow that it names."""
    name = next(iter(trigger.filters.get("workflows", ()) if trigger else ()), "")
    run: dict[str, Any] = {
        "name": name, "event": "push", "status": "completed", "conclusion": "success", "head_branch": branch,
        "head_sha": sha, "run_number": 1, "run_attempt": 1, "pull_requests": [],
        "head_repository": {"full_name": repository},
    }  # fmt: skip
    return {"action": "completed", "workflow": {"name": name}, "workflow_run": run}


def _follows(workflow: Workflow, title: str, branch: str | None) -> bool:
    actions = ("completed", "requested", "in_progress")
    events = (TriggerEvent(WORKFLOW_RUN, action=action, branch=branch, workflow=title) for action in actions)
    return any(fires(workflow.on, event).runs for event in events)
