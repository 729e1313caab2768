"""Which secrets a job sees: its run's, as far as the calls that lead to it hand them on, and its environment's."""

from typing import Any

from engine.core.job_contexts import job_contexts, needs_context
from engine.core.records import JobFacts
from engine.store.store import Store
from engine.store.vault import TOKEN
from pipelines.errors import ExpressionError
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class JobSecrets:
    """`seen` is the job's `secrets` context; `hidden` every value that must not be shown, those of its callers too."""

    seen: dict[str, str]
    hidden: tuple[str, ...]


def secrets_of(facts: JobFacts, store: Store, environment: str) -> JobSecrets:
    """Return the secrets of a job in `environment` ("" for none).

    Raises WorkflowError, and ExpressionError for what its callers hand on, with the place.
    """
    seen = store.secrets.open(facts.secrets)
    values = list(seen.values())
    for caller in _callers(facts):
        seen = _handed_on(caller, store, seen)
        values += seen.values()
    repo_id = facts.source.get("vault")
    if environment and repo_id is not None:
        seen = {**seen, **store.vault.values(repo_id, environment)}
        values += seen.values()
    return JobSecrets(seen, tuple(dict.fromkeys(values)))


def _callers(facts: JobFacts) -> list[JobFacts]:
    """Return the jobs that call the workflows that lead to this job, the outermost first."""
    found: list[JobFacts] = []
    while facts.caller is not None:
        facts = facts.caller
        found.insert(0, facts)
    return found


def _handed_on(caller: JobFacts, store: Store, seen: dict[str, str]) -> dict[str, str]:
    workflow = store.definitions.workflow(caller.definition)
    model = workflow.jobs[caller.job.own_key]
    if model.inherit_secrets:
        return seen
    needs = needs_context(store.decisions.needs_of(caller.job.id))
    contexts: dict[str, Any] = {**job_contexts(caller, needs), "secrets": seen}
    named = {}
    for name, template in (model.secrets or {}).items():
        try:
            named[name] = template.string(contexts)
        except ExpressionError as error:
            where = f"{workflow.path}:{template.place.line}: `secrets.{name}` of the job {caller.job.key}"
            raise ExpressionError(error.kind, f"{where} cannot be worked out: {error.message}") from error
    return {**({TOKEN: seen[TOKEN]} if TOKEN in seen else {}), **named}  # which is handed on without being named
