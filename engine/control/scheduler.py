"""The scheduler's loop: read, decide, apply, wake. The decisions themselves are in `engine/core/scheduling`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from engine.bus import Bus
from engine.core.clock import Clock
from engine.core.job_contexts import job_contexts, needs_context
from engine.core.moves import Move
from engine.core.records import JobFacts
from engine.core.refs import HEADS
from engine.core.scheduling import decide
from engine.core.snapshot import Condition as Decides
from engine.core.snapshot import Gate, Need
from engine.settings.model import EnvironmentSettings
from engine.store.decisions import Decidable
from engine.store.store import Store
from pipelines.call_values import call_outputs
from pipelines.environments import environment_name
from pipelines.errors import ExpressionError, WorkflowError
from pipelines.filters import compile_patterns
from pipelines.github_context import short_ref
from pipelines.job_alone import apart
from pipelines.model import Job as JobModel
from pipelines.plan import JobPlan, expand_job, late_concurrency
from pipelines.template import Condition
from pipelines.values import to_string

ACTOR = "scheduler"
MOVES_AT_ONCE = 200  # in one write: a run of thousands of jobs may be cancelled
Environments: TypeAlias = Callable[[str, str], EnvironmentSettings | None]


def no_environments(repo: str, name: str) -> None:
    """Nothing is configured of any environment."""


class Scheduler:
    """Moves jobs from pending to queued, or to where else their needs and conditions send them."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, environments: Environments = no_environments) -> None:
        """`environments` says what is configured of a repository's environment."""
        self._environments = environments
        self._store = store
        self._bus = bus
        self._clock = clock

    def tick(self) -> None:
        """Decide until there is nothing more to decide now."""
        while True:
            now = self._clock.now()
            snapshot = self._store.decisions.snapshot(self, now)
            moves = decide(snapshot)
            if not moves:
                return
            if not self._apply(moves, now, snapshot.sequence):
                return

    def _apply(self, moves: list[Move], now: datetime, since: int) -> bool:
        """Have moves made, some at a time so that nobody waits long for the store; return whether any still held.

        Each is a compare-and-set: what a kill leaves undone is decided again, and what others do in between counts.
        """
        changed = 0
        for start in range(0, len(moves), MOVES_AT_ONCE):
            applied = self._store.decisions.apply(moves[start : start + MOVES_AT_ONCE], ACTOR, now, since)
            self._store.queue.add(applied.queued)
            for job_id in applied.expand:
                self._expand(job_id)
            changed += applied.changed
            if applied.changed:
                self._bus.wake("queue", "wishes", "news")
        return changed > 0

    def next_due(self) -> datetime | None:
        return self._store.decisions.next_retry_at()

    def describe(self, facts: JobFacts) -> Decidable:
        """Return what a job's workflow says of its start."""
        try:
            job = self._store.definitions.workflow(facts.definition).jobs[facts.job.own_key]
        except WorkflowError as error:
            return Decidable(_refusal(f"this version reads its workflow no more: {error}"), {})
        if job.condition is None and job.environment is None and not _open(facts.plan):
            return Decidable(None, {})
        contexts = self.contexts(facts)
        gate = None if _open(facts.plan) else self._gate(facts, job, contexts)
        return Decidable(_bind(job.condition) if job.condition else None, contexts, gate)

    def _gate(self, facts: JobFacts, job: JobModel, contexts: Mapping[str, Any]) -> Gate | None:
        """Return what keeps a job out of its environment, None for nothing."""
        try:
            name = environment_name(job, contexts)
        except ExpressionError as error:
            return Gate("", f"environment: {error.message}")
        rules = self._environments(facts.run.repo, name) if name else None
        if rules is None:
            return None
        branch, ref = short_ref(facts.run.ref), facts.run.ref
        if rules.branches is not None:
            is_branch = ref.startswith(HEADS)
            if not is_branch or not compile_patterns(rules.branches).passes([branch], ignore=False):
                return Gate(name, f"the environment {name} takes no jobs of {branch if is_branch else ref}")
        return Gate(name) if rules.approval and not facts.job.approved_by else None

    def outputs(self, facts: JobFacts, called: Sequence[Need]) -> Mapping[str, str]:
        """Return what a job puts out whose called workflow is over. Raises ValueError with a sentence."""
        try:
            workflow = self._store.definitions.called(facts.calls)[facts.plan.calls]
            contexts = {**job_contexts(facts, {}), "inputs": facts.plan.inputs or {}}
            return call_outputs(workflow, contexts, needs_context(called))
        except (ExpressionError, WorkflowError) as error:
            raise ValueError(f"the outputs of the called workflow cannot be worked out: {error}") from None

    def contexts(self, facts: JobFacts) -> dict[str, Any]:
        """Return what a job's own expressions see: what its needs came to, too."""
        return job_contexts(facts, needs_context(self._store.decisions.needs_of(facts.job.id)))

    def _expand(self, job_id: int) -> None:
        """Settle what the job's needs had to tell first: its matrix, its name, its concurrency group."""
        facts = self._store.queries.facts(job_id)
        workflow = self._store.definitions.workflow(facts.definition)
        contexts = self.contexts(facts)
        try:
            if facts.plan.dynamic:
                taken = [job.name for job in self._store.queries.jobs(facts.run.id) if job.id != job_id]
                calls = self._store.definitions.called(facts.calls)
                plans = expand_job(workflow, facts.plan, contexts, taken, calls)
            else:
                plans = (late_concurrency(workflow, facts.plan, contexts),)
        except (ExpressionError, WorkflowError, ValueError) as error:
            self._store.decisions.fail_pending(
                job_id, f"its matrix, name or group cannot be worked out: {error}", ACTOR, self._clock.now()
            )
            return
        if facts.run.bisect_id is not None:  # a trial stands in nobody's way, and is not tried twice
            plans = tuple(apart(plan, facts.plan.priority) for plan in plans)
            plans = tuple(replace(one, retry=facts.plan.retry) if one.key == facts.plan.key else one for one in plans)
        self._store.runs.expand(job_id, plans, ACTOR, self._clock.now())


def _open(plan: JobPlan) -> bool:
    """Whether something about the job depends on what its needs put out."""
    return plan.dynamic or plan.concurrency_late


def _bind(condition: Condition) -> Decides:
    def evaluate(contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> bool:
        try:
            return condition.evaluate(contexts, {**functions, **of_named(contexts["needs"], functions)})
        except ExpressionError as error:
            raise ValueError(f"if: {error.message}") from error

    return evaluate


def of_named(
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
