"""What a job's expressions may see: the contexts of GitHub's syntax, built from facts. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.records import JobFacts
from engine.core.snapshot import Need


def needs_context(needs: Iterable[Need]) -> dict[str, Any]:
    """Return `needs`: result and outputs by job key. A matrix counts as failed when one member did, as cancelled when
    one was, as skipped only when all were; its members' outputs are merged, the last one wins."""
    results: dict[str, list[str]] = {}
    outputs: dict[str, dict[str, str]] = {}
    for need in needs:
        results.setdefault(need.key, []).append(need.result)
        outputs.setdefault(need.key, {}).update({name: value for name, value in need.outputs.items() if value != ""})
    return {key: {"result": _worst(found), "outputs": outputs[key]} for key, found in results.items()}


def job_contexts(facts: JobFacts, needs: Mapping[str, Any]) -> dict[str, Any]:
    """Return github, inputs, vars, needs, strategy and matrix, as a job's own expressions see them."""
    job, run = facts.job, facts.run
    github = {
        **facts.trigger.get("github", {}),
        "run_id": str(run.id),
        "run_number": str(run.number),
        "run_attempt": str(run.attempt),
        "job": job.own_key,
    }
    strategy = {
        "fail-fast": facts.plan.fail_fast,
        "job-index": job.job_index,
        "job-total": job.job_total,
        "max-parallel": facts.plan.max_parallel or job.job_total,
    }
    return {
        "github": github,
        "inputs": facts.trigger.get("inputs", {}),
        "vars": facts.trigger.get("vars", {}),
        "needs": dict(needs),
        "strategy": strategy,
        "matrix": dict(job.matrix or {}),
    }


def job_context(container: Mapping[str, Any], services: Mapping[str, Any]) -> dict[str, Any]:
    """Return `job` as it is before the first step; what there is none of is left out, as on GitHub."""
    found = {"container": dict(container), "services": dict(services)}
    return {"status": "success", **{name: facts for name, facts in found.items() if facts}}


def workflow_facts(facts: JobFacts) -> dict[str, Any]:
    """Return what `job` says of the workflow file that the job is of, which of a called one is not `github`'s."""
    github = facts.trigger.get("github", {})
    called = facts.calls.get(facts.plan.workflow)
    path = called["path"] if called else facts.run.workflow_path
    if called and called["repository"]:
        repository, ref, sha = called["repository"], called["ref"], called["sha"]
    else:
        repository, ref, sha = github.get("repository", ""), github.get("ref", ""), github.get("sha", "")
    return {
        "workflow_ref": f"{repository}/{path}@{ref}",
        "workflow_sha": sha,
        "workflow_repository": repository,
        "workflow_file_path": path,
    }


def _worst(results: list[str]) -> str:
    if "failure" in results:
        return "failure"
    if "cancelled" in results:
        return "cancelled"
    return "skipped" if set(results) == {"skipped"} else "success"
