"""The steps of one attempt in their order: what actions want run before, the job's own, what they want run after."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from engine.store.queue import StepNews
from engine.worker.steps.book import StepBook
from engine.worker.steps.job_state import Before, Hook, Scope, Way, way_key
from engine.worker.steps.outcome import StepOutcome
from engine.worker.steps.runner import StepRunner
from engine.worker.steps.workbench import Workbench
from pipelines.model import Step


class JobSteps:
    """`befores` are the titles of what is to run first, with the way to the step whose action it is of.

    `passed` is called after each of the job's own that did, but for the last, `held` when one has failed the job, with
    the state before it: if it says so, nothing else is run. `again`: an earlier engine told already that the first
    started.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        befores: Sequence[Before],
        bench: Workbench,
        book: StepBook,
        passed: Callable[[int], None],
        held: Callable[[dict[str, Any], int], bool],
        *,
        again: bool,
    ) -> None:
        self._steps = steps
        self._befores = befores
        self._state, self._log, self._clock = bench.state, bench.log, bench.clock
        self._book = book
        self._passed = passed
        self._held = held
        self._announced = self.place if again else -1

    def run(self, runner: StepRunner, scope: Scope) -> None:
        """Run what is left; the first failure that counts is in the state."""
        state = self._state
        while state.pre < len(self._befores) and (state.running is not None or not runner.scripts.spent()):
            self._before(runner, scope, *self._befores[state.pre])
            state.pre += 1
        while state.index < len(self._steps) and (state.running is not None or not runner.scripts.spent()):
            state.between, place = False, self.place
            before = None if state.failure else state.to_json()
            green = self._own(runner, scope, self._steps[state.index])
            if before is not None and state.failure and self._held(before, place):
                return
            state.index += 1
            if green and state.status == "success" and not self.done:
                self._passed(place)
        while (state.hook or state.posts) and (state.running is not None or not runner.scripts.spent()):
            if state.hook is None:
                state.hook = state.posts.pop()
                self._book.show(self.place, state.hook.title)
            state.between = False
            self._hook(runner, scope, state.hook)
            state.posted += 1

    @property
    def place(self) -> int:
        """Which of the rows is to be run, or is being run."""
        state = self._state
        if state.pre < len(self._befores):
            return state.offset - len(self._befores) + state.pre
        after = state.posted if state.index >= len(self._steps) else 0
        return state.offset + state.index + after

    @property
    def done(self) -> bool:
        """Whether every step has had its turn."""
        return self._state.index >= len(self._steps)

    def _before(self, runner: StepRunner, scope: Scope, way: Way, title: str) -> None:
        state, place = self._state, self.place
        state.saved[way_key(way)] = {}
        if state.running is not None and state.hook is not None:
            hook: Hook | StepOutcome = state.hook
        else:
            hook = runner.before(self._steps[way[0]], scope, way[1:], title, partial(self._begin, place, title))
        if isinstance(hook, Hook):
            state.saved[way_key(way)] = self._hook(runner, scope, hook).state
        else:
            self._ended(place, title, hook, hook.outcome)

    def _own(self, runner: StepRunner, scope: Scope, step: Step) -> bool:
        """Run a step of the job; return whether it ran and passed."""
        state, place = self._state, self.place
        if state.running is not None:
            self._log.begin_step(place, self._clock.now())
            name, outcome = runner.reader.name(step, scope), runner.resume()
        else:
            self._look(runner)
            name = runner.reader.name(step, scope)
            outcome = runner.perform(step, scope, state.status, partial(self._begin, place, name))
        conclusion = runner.reader.conclusion(step, scope, state.status, outcome)
        if step.key:
            state.steps[step.key] = {
                "outputs": outcome.outputs, "outcome": outcome.outcome, "conclusion": conclusion,
            }  # fmt: skip
        self._ended(place, name, outcome, conclusion)
        return conclusion == "success" and outcome.cause != "condition_false"

    def _hook(self, runner: StepRunner, scope: Scope, hook: Hook) -> Hook:
        """Run a hook, or see the one to its end that an earlier engine began; return it with what it saved."""
        state, place = self._state, self.place
        if state.running is not None and state.hook is not None:
            hook = state.hook
            self._log.begin_step(place, self._clock.now())
            outcome = runner.resume()
        else:
            state.hook = hook
            self._look(runner)
            outcome = runner.perform_hook(hook, scope, state.status, partial(self._begin, place, hook.title))
        state.hook = None
        self._ended(place, hook.title, outcome, outcome.outcome)
        return hook

    def _look(self, runner: StepRunner) -> None:
        self._state.stopped_by = runner.scripts.stopping()
        if self._state.stopped_by:
            self._state.status = "cancelled"

    def _begin(self, place: int, name: str) -> None:
        now = self._clock.now()
        log_start = self._log.begin_step(place, now)
        if place != self._announced:
            self._book.tell(StepNews(place, "started", now, name=name, log_start=log_start))

    def _ended(self, place: int, name: str, outcome: StepOutcome, conclusion: str) -> None:
        state, now = self._state, self._clock.now()
        log_end = None if outcome.cause == "condition_false" else self._log.end_step(place, now)
        reason = self._log.mask.text(outcome.error)
        self._book.tell(
            StepNews(
                place, outcome.cause, now, outcome.exit_code, reason, outcome.outcome, conclusion, None, log_end,
                outcome.summary, name, outcome.why,
            )
        )  # fmt: skip
        if conclusion == "failure" and state.failure is None:
            state.failure = {"cause": "failed", "exit_code": outcome.exit_code, "error": reason, "kind": outcome.kind}
        if conclusion in ("failure", "cancelled") and state.status == "success":
            state.status = conclusion
