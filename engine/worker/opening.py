"""How an attempt gets its box: a new one, one that an earlier engine left running, or one on a base.

With the box comes the state that its steps go on from, and in the store the rows of the steps there will be.
"""

from collections.abc import Callable, Sequence
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from engine.core.beginning import HELD
from engine.core.deadlines import until_s
from engine.core.errors import EngineError, ExecutorUnavailable, LeaseLost
from engine.core.retry import Outcome
from engine.core.states import AttemptStatus
from engine.git import repository
from engine.store.mending.kept_steps import Kept
from engine.store.queue import Lease
from engine.worker.actions.fetch import ActionFetcher
from engine.worker.assignment import Assignment
from engine.worker.executor import Box, Executor
from engine.worker.halt import Detached, Halt
from engine.worker.job_box import wants_source
from engine.worker.job_setup import JobSetup, Need, needs_of
from engine.worker.log.job_log import JobLog
from engine.worker.mending.base import Base, base_of
from engine.worker.mending.held_boxes import drop_box
from engine.worker.mending.job_checkpoints import JobCheckpoints
from engine.worker.served import Served
from engine.worker.steps.book import StepBook
from engine.worker.steps.job_state import Before, JobState
from engine.worker.steps.session import ACTIONS, Session
from engine.worker.steps.words import title_of
from engine.worker.tools import Tools
from pipelines.errors import ExpressionError
from pipelines.records import dataclass


class Interrupted(Exception):
    """The attempt is wanted to end before its box is there; carries how it ends."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


RESTART_S = 60.0  # how long the engine of the boxes may be away
AWAY_S = 600.0  # and how long while boxes run that are to be taken up again
STOPPING_S = 3.0  # and how long it may answer while it stops
LOOK_S = 0.25
WAITS = "waits for its box"
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Opened:
    """A box whose driver waits or runs a script, what its steps go on from, and what is to run before them."""

    box: Box
    state: JobState = field(default_factory=JobState)
    befores: Sequence[Before] = ()


class Opening:
    """One attempt's. `log` makes its log when there is the first line to write."""

    def __init__(
        self,
        tools: Tools,
        lease: Lease,
        halt: Halt,
        job: Assignment,
        log: Callable[[], JobLog],
        book: StepBook,
    ) -> None:
        self._tools = tools
        self._lease = lease
        self._halt = halt
        self._job = job
        self._log = log
        self._book = book
        self._dropped = False
        self.served = Served(tools.executors, job, self.check_in)
        self.checkpoints = JobCheckpoints(tools, lease, job, log)

    @cached_property
    def fetcher(self) -> ActionFetcher:
        tools, folder = self._tools, self._job.folder / ACTIONS
        return ActionFetcher(tools.actions, tools.store.action_pins, tools.settings.actions, self._lease.run_id, folder)

    @property
    def is_held(self) -> bool:
        """Whether the attempt goes on in a box that is there already, with its folder."""
        return self._job.beginning is not None and self._job.beginning.base == HELD

    def has_begun(self) -> bool:
        """Whether there is something to be taken up of an attempt that an earlier engine left."""
        if not self._job.attempt.box_id:
            return False
        return not self.is_held or self._steps_begun()

    def known(self) -> dict[str, Any] | None:
        """Return what the attempt's log has to know from its beginning, None for nothing."""
        if self._job.beginning is None:
            return None
        try:
            state = self._job.kept_state() or (self._base.state() if self._base else JobState())
        except EngineError:
            return None  # it has no base any more, and tells so in its log
        return state.known or None

    def begin(self) -> Opened:
        """Open the box of an attempt that has done nothing yet: safe to repeat.

        Raises Interrupted when somebody wants it to end, SetupFailed, EngineError and its kind.
        """
        job, queue = self._job, self._tools.store.queue
        base = self._base
        state = base.state() if base else JobState()
        needs, titles = needs_of(job.model.steps, job.contexts), [title_of(step) for step in job.model.steps]
        fresh = base is None or base.fresh
        earlier = [] if fresh else [""] * state.offset
        introduction = job.introduction()  # a job that can have no box says so, however late it is
        queue.begin(self._lease, [] if fresh and needs else [*earlier, *titles], job.deadline_at)
        if job.environment:
            queue.enter(self._lease, job.environment)
        self._log().say_group("Set up job", introduction)
        self.check_in()
        if base is None:
            befores = self._bring(needs, titles, state)
            return Opened(self._start(), state, befores)
        if base.fresh:
            brought = JobState()
            befores = self._bring(needs, titles, brought)
            shift, state.offset = brought.offset - state.offset, brought.offset
            first = state.offset - shift - len(befores)
        else:
            befores, first, shift = self._again(needs), 0, 0
        until = base.beginning.step + (1 if base.beginning.skip else 0)
        queue.keep(self._lease, Kept(base.beginning.attempt, first, until, shift), self._tools.clock.now())
        return Opened(self._on(base, state), state, befores)

    def adopt(self) -> Opened | None:
        """Take up the box where an earlier engine left it; None when that cannot be.

        While the engine of the boxes is away, the attempt waits for it, AWAY_S at most, and says so. Raises Interrupted
        when somebody wants it to end meanwhile, or its time is up.
        """
        job, source = self._job, self._source()

        def take_up(executor: Executor) -> tuple[bool, Box | None]:
            served = self.served.adopt()
            return served, executor.adopt(job.box_spec(source, self.served.network), job.attempt.box_id)

        served, box = self._answer(job.box_plan.executor, take_up)
        if box is None:
            return None
        if not served:
            self._give_up(box)
            return None
        state, befores = job.kept_state(), self._again(needs_of(job.model.steps, job.contexts))
        if state is None:  # no step had begun
            rows = self._tools.store.queries.steps(self._lease.attempt_id)
            return Opened(box, JobState(offset=len(rows) - len(job.model.steps)), befores)
        if state.running is None and not state.between and self._steps_begun():
            self._give_up(box)  # it was in a step that only the engine's own memory could go on with
            return None
        return Opened(box, state, befores)

    def _give_up(self, box: Box) -> None:
        self._dropped = True
        box.kill()
        box.remove()

    def drop(self) -> None:
        """Take away a box that was there before this engine took the attempt on, and that it never opened."""
        if not self._dropped:
            self._dropped = True
            services = bool(self._job.model.services)
            drop_box(self._tools.store, self._tools.executors, self._job.attempt, services)

    def checkout(self, rev: str | None = None) -> Path:
        """Return a finished checkout on this machine, of the run's own commit or of another revision."""
        job, source = self._job, self._job.facts.source
        if rev is None:
            return self._tools.checkouts.get(job.repo, source["sha"], source.get("branch"))
        return self._tools.checkouts.get(job.repo, repository.resolve(job.repo, rev))

    def outlasts_restart(self) -> bool:
        """After a failure: whether the boxes' engine is away that took the attempt before with it, and comes back.

        Waits for that, for as long as a restart may take. One that is being stopped may still answer for a moment.
        """
        attempts, clock = self._tools.store.queries.attempts(self._lease.job_id), self._tools.clock
        if len(attempts) < 2 or attempts[-2].status != AttemptStatus.LOST:
            return False
        try:
            kind = self._job.box_plan.executor
        except (EngineError, ExpressionError):
            return False  # it is not for an engine that is away
        away, began_s = False, clock.monotonic_s()
        while (waited_s := clock.monotonic_s() - began_s) < RESTART_S:
            try:
                self._tools.executors.get(kind).check()
            except EngineError:
                away = True
            else:
                if away or waited_s > STOPPING_S:
                    return away
            if self._halt.lost.is_set() or self._halt.detach.is_set() or self._halt.cancel.wait(LOOK_S):
                return True  # what follows looks at that, and begins with it
        return False

    def check_in(self) -> None:
        """Before there is a step: leave when somebody wants the attempt to end, or its time is up."""
        if self._halt.lost.is_set():
            raise LeaseLost("The lease of the attempt is gone.")
        if self._halt.detach.is_set():
            raise Detached
        if self._halt.kill.is_set() or self._halt.cancel.is_set():
            raise Interrupted(cancelled(self._halt))
        if self._tools.clock.monotonic_s() >= self._deadline_s:
            raise Interrupted(overran())

    def _steps_begun(self) -> bool:
        return any(row.started_at is not None for row in self._tools.store.queries.steps(self._lease.attempt_id))

    @cached_property
    def _deadline_s(self) -> float:
        return until_s(self._job.deadline_at, self._tools.clock)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _answer(self, kind: str, ask: Callable[[Executor], Found]) -> Found:
        """Return what is asked of an executor; while its engine does not answer, the job says what it waits for."""
        tools = self._tools
        told = self._job.facts.job.reason.startswith(WAITS)  # by an engine that stopped before it could take that back
        until_s = tools.clock.monotonic_s() + AWAY_S
        while True:
            try:
                executor = tools.executors.get(kind)
                executor.check()
                found = ask(executor)
            except ExecutorUnavailable as error:
                if tools.clock.monotonic_s() >= until_s:
                    raise
                if not told:
                    self._log().annotate("warning", f"{error.args[0]} The job goes on when it is back.")
                    told = self._tell_waiting(f"{WAITS}: {error.args[0]}")
            else:
                if told:
                    self._tell_waiting("")
                return found
            self.check_in()
            self._halt.cancel.wait(LOOK_S)

    def _tell_waiting(self, why: str) -> bool:
        self._tools.store.queue.tell(self._lease, why)
        self._tools.bus.wake("news")
        return True

    @cached_property
    def _base(self) -> Base | None:
        return base_of(self._tools, self._job, self.checkpoints, self.check_in)

    @cached_property
    def _setup(self) -> JobSetup:
        tools = self._tools
        return JobSetup(self.fetcher, tools.executors, self._log(), tools.clock, self._book, self.check_in)

    def _bring(self, needs: Sequence[Need], titles: list[str], state: JobState) -> Sequence[Before]:
        """Have what the job's steps take from elsewhere, shown as steps before its own, which begin at the `offset`."""
        if not needs:
            return ()
        setup, queue = self._setup, self._tools.store.queue
        state.offset = setup.bring(needs)
        befores = setup.befores(self._job.model.steps)
        queue.add_steps(self._lease, state.offset, [*(title for _, title in befores), *titles])
        state.offset += len(befores)
        return befores

    def _again(self, needs: Sequence[Need]) -> Sequence[Before]:
        """Know once more what was brought for this box."""
        if not needs:
            return ()
        self._setup.again(needs)
        return self._setup.befores(self._job.model.steps)

    def _start(self, base: Base | None = None, state: JobState | None = None) -> Box:
        """Start a new box, empty or on a base, with all that it needs."""
        job, plan, queue = self._job, self._job.box_plan, self._tools.store.queue
        executor = self._tools.executors.get(plan.executor)
        if plan.image is not None:
            executor.ensure_image(plan.image, self._log().say, plan.credentials, self.check_in)
        self.served.start(self._log())
        source = self._source()
        self.check_in()
        Session.prepare(job.folder)
        executor.expect(queue.waiting(), plan.image)
        spec = job.box_spec(source, self.served.network)
        box = executor.start(spec, self.check_in) if base is None else base.open(executor, spec)
        sealed = None if state is None else job.seal(state.to_json())
        try:
            queue.note(self._lease, box_id=box.id, executor=plan.executor, image=plan.image or "", state=sealed)
        except BaseException:
            box.remove()  # nobody else knows of it
            raise
        return box

    def _on(self, base: Base, state: JobState) -> Box:
        """Open the box of a base."""
        if base.fresh:
            return self._start(base, state)
        job = self._job
        served = self.served.adopt()
        executor = self._tools.executors.get(job.box_plan.executor)
        box = base.open(executor, job.box_spec(self._source(), self.served.network))
        if not served:
            self._log().annotate("warning", "A service of this job is gone.")
        return box

    def _source(self) -> Path | None:
        return self.checkout() if wants_source(self._job.model.steps) else None


def cancelled(halt: Halt) -> Outcome:
    return Outcome("cancelled", reason=halt.reason or "cancelled")


def overran() -> Outcome:
    return Outcome("overran", "timed_out", reason="it ran past its timeout")
