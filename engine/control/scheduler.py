"""The scheduler's loop: read, decide, apply, wake. The decisions themselves are in `engine/core/scheduling`."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from engine.bus import Bus
from engine.core.clock import Clock
from engine.core.job_contexts import job_contexts, needs_context
from engine.core.records import JobFacts
from engine.core.scheduling import Condition as Decides
from engine.core.scheduling import decide
from engine.store.decisions import Decidable
from engine.store.store import Store
from pipelines.errors import ExpressionError, WorkflowError
from pipelines.plan import JobPlan, expand_job, late_concurrency
from pipelines.template import Condition
from pipelines.values import to_string

ACTOR = "scheduler"


class Scheduler:
    """Moves jobs from pending to queued, or to where else their needs and conditions send them."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock

    def tick(self) -> None:
        """Decide until there is nothing more to decide now."""
        while True:
            now = self._clock.now()
            snapshot = self._store.decisions.snapshot(self._describe, now)
            moves = decide(snapshot)
            if not moves:
                return
            applied = self._store.decisions.apply(moves, ACTOR, now, snapshot.sequence)
            self._store.queue.add(applied.queued)
            for job_id in applied.expand:
                self._expand(job_id)
            if not applied.changed:
                return
            self._bus.wake("queue", "wishes", "news")

    def next_due(self) -> datetime | None:
        return self._store.decisions.next_retry_at()

    def _describe(self, facts: JobFacts) -> Decidable:
        try:
            condition = self._store.definitions.workflow(facts.definition).jobs[facts.job.key].condition
        except WorkflowError as error:
            return Decidable(_refusal(f"this version reads its workflow no more: {error}"), {})
        if condition is None and not _open(facts.plan):
            return Decidable(None, {})
        return Decidable(_bind(condition) if condition else None, self._contexts(facts))

    def _contexts(self, facts: JobFacts) -> dict[str, Any]:
        return job_contexts(facts, needs_context(self._store.decisions.needs_of(facts.job.id)))

    def _expand(self, job_id: int) -> None:
        """Settle what the job's needs had to tell first: its matrix, its name, its concurrency group."""
        facts = self._store.queries.facts(job_id)
        workflow = self._store.definitions.workflow(facts.definition)
        contexts = self._contexts(facts)
        try:
            if facts.plan.dynamic:
                taken = [job.name for job in self._store.queries.jobs(facts.run.id) if job.id != job_id]
                plans = expand_job(workflow, facts.job.key, contexts, taken)
            else:
                plans = (late_concurrency(workflow, facts.plan, contexts),)
        except (ExpressionError, WorkflowError, ValueError) as error:
            self._store.decisions.fail_pending(
                job_id, f"its matrix, name or group cannot be worked out: {error}", ACTOR, self._clock.now()
            )
            return
        self._store.runs.expand(job_id, plans, ACTOR, self._clock.now())


def _open(plan: JobPlan) -> bool:
    """Whether something about the job depends on what its needs put out."""
    return plan.dynamic or plan.concurrency_late


def _bind(condition: Condition) -> Decides:
    def evaluate(contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> bool:
        try:
            return condition.evaluate(contexts, {**functions, **_of_named(contexts["needs"], functions)})
        except ExpressionError as error:
            raise ValueError(f"if: {error.message}") from error

    return evaluate


def _of_named(
    needs: Mapping[str, Mapping[str, Any]], functions: Mapping[str, Callable[..., Any]]
) -> dict[str, Callable[..., Any]]:
    """Return success() and failure() as they are with the names of jobs: of those alone, whatever became of others."""
    known = {key.lower(): need["result"] for key, need in needs.items()}

    def results(names: tuple[Any, ...]) -> list[str]:
        texts = [to_string(name) for name in names]
        for text in texts:
            if text.lower() not in known:
                raise ExpressionError("evaluation", f"{text!r} is not among the job's needs ({', '.join(needs)})")
        return [known[text.lower()] for text in texts]

    def success(*names: Any) -> Any:
        if not names:
            return functions["success"]()
        return all(result == "success" for result in results(names)) and not functions["cancelled"]()

    def failure(*names: Any) -> Any:
        if not names:
            return functions["failure"]()
        return any(result == "failure" for result in results(names)) and not functions["cancelled"]()

    return {"success": success, "failure": failure}


def _refusal(message: str) -> Decides:
    def refuse(*_: Any) -> bool:
        raise ValueError(message)

    return refuse
