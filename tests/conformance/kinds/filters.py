"""Filters, triggers and schedules, asked case by case. See CONTRACT: conformance adapter."""

import json
from datetime import datetime
from typing import Any

from pipelines import cron as schedules
from pipelines.errors import WorkflowError
from pipelines.filters import PatternError, compile_patterns
from pipelines.parse import parse_workflow
from pipelines.triggers import TriggerEvent, fires


def glob(case: dict[str, Any]) -> dict[str, Any]:
    """Answer whether a filter of `kind` lets `inputs` through."""
    try:
        return {"run": compile_patterns(case["patterns"]).passes(case["inputs"], case["kind"].endswith("-ignore"))}
    except PatternError as error:
        return {"error": str(error)}


glob_paths = glob


def trigger(case: dict[str, Any]) -> dict[str, Any]:
    """Answer whether `event` starts a workflow that says `on`."""
    workflow = {"on": case["on"], "jobs": {"a": {"runs-on": "x", "steps": [{"run": "true"}]}}}
    try:
        verdict = fires(parse_workflow(json.dumps(workflow), "case.yml").on, _event(case["event"]))
    except (WorkflowError, PatternError) as error:
        return {"error": str(error)}
    return {"triggered": verdict.runs, "why": verdict.reason}


def cron(case: dict[str, Any]) -> dict[str, Any]:
    """Answer whether `cron` is a schedule, and its next five times after `base`."""
    try:
        schedule = schedules.parse(case["cron"])
    except schedules.CronError as error:
        return {"valid": False, "error": str(error)}
    at: datetime | None = datetime.fromisoformat(case["base"]) if "base" in case else None
    times: list[str] = []
    while at is not None and len(times) < 5:
        at = schedule.next_after(at)
        if at is not None:
            times.append(at.isoformat().replace("+00:00", "Z"))
    return {"valid": True, "next": times}


def _event(facts: dict[str, Any]) -> TriggerEvent:
    ref = facts.get("ref", "")
    if ref and not ref.startswith("refs/"):
        ref = f"refs/{'tags' if facts.get('ref_type') == 'tag' else 'heads'}/{ref}"
    changed = facts.get("changed")
    return TriggerEvent(
        name=facts["event"],
        action=facts.get("action"),
        ref=ref,
        branch=facts.get("head") or (ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None),
        tag=facts.get("tag") or (ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else None),
        base_branch=facts.get("base"),
        changed_files=None if changed is None else tuple(changed),
        message=facts.get("head_message", ""),
        deleted=facts.get("deleted", False),
        cron=facts.get("cron"),
        workflow=facts.get("workflow"),
    )
