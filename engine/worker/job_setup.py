"""What a job needs from elsewhere, brought here before its box is made: actions and images, a timed step for each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any

from engine.core.clock import Clock
from engine.core.errors import EngineError, ExecutorUnavailable, LeaseLost, StoreBusy
from engine.core.retry import Outcome
from engine.core.scheduling import status_functions
from engine.store.queue import StepNews
from engine.worker.actions.fetch import ActionFetcher
from engine.worker.actions.load import ActionRefused, read_fetched, told
from engine.worker.actions.runner import DEPTH
from engine.worker.executors import Executors
from engine.worker.kind import DOCKER
from engine.worker.log.job_log import JobLog
from engine.worker.steps.book import StepBook
from engine.worker.steps.job_state import Before, Way
from engine.worker.steps.words import title_of
from pipelines.action_refs import ActionKind, ActionRef, parse_action_ref
from pipelines.errors import ExpressionError
from pipelines.model import Action, Step
from pipelines.parse_actions import COMPOSITE

MOST_BEFORES = 100
Need = tuple[str, ActionRef, int]  # the `uses:`, what it names, and how deep within other actions


class SetupFailed(EngineError):
    """Something could not be had; carries how the attempt ends for it."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.outcome = Outcome("failed", kind, reason=message)


class JobSetup:
    """One attempt's. `look` may raise to give up."""

    def __init__(
        self,
        fetcher: ActionFetcher,
        executors: Executors,
        log: JobLog,
        clock: Clock,
        book: StepBook,
        look: Callable[[], None],
    ) -> None:
        self._fetcher = fetcher
        self._executors = executors
        self._log = log
        self._clock = clock
        self._book = book
        self._look = look
        self._known: dict[ActionRef, Action] = {}
        self._early: dict[ActionRef, bool] = {}

    def bring(self, needs: Sequence[Need]) -> int:
        """Bring all that the job names, and what that names in turn; return how many steps it took.

        Raises SetupFailed, with the step that failed told of.
        """
        done = set[tuple[str, str, str]]()
        for ref in self._walk(needs):
            key = (ref.host, ref.name, ref.ref)
            if key not in done:
                fetch = f"Fetch action {ref.written or ref.name}@{ref.ref}"
                title = f"Pull image {ref.name}" if ref.kind is ActionKind.DOCKER else fetch
                self._one(len(done), title, partial(self._fetch, ref))
                done.add(key)
        return len(done)

    def again(self, needs: Sequence[Need]) -> None:
        """Have once more what an earlier engine brought for this attempt, without a word. Raises EngineError."""
        for _ in self._walk(needs):
            pass

    def befores(self, steps: Sequence[Step]) -> list[Before]:
        """Return which steps' actions, and actions that those use, want something run before all steps.

        Raises SetupFailed when they are too many.
        """
        found = list(islice(self._befores(steps, (), ()), MOST_BEFORES + 1))
        if len(found) > MOST_BEFORES:
            raise SetupFailed(f"The job's actions have more than {MOST_BEFORES} scripts to run before it.", "failure")
        return found

    def _walk(self, needs: Sequence[Need]) -> Iterator[ActionRef]:
        """Yield what is named, and when the caller comes back for more, look what that names in turn."""
        waiting = list(needs)
        for uses, ref, depth in waiting:  # grows while it is walked
            yield ref
            if ref.kind is ActionKind.REMOTE and ref not in self._known:
                action = self._action(uses, ref)
                if action is not None and depth < DEPTH:
                    waiting += needs_of(action.steps, {}, depth + 1)

    def _befores(self, steps: Sequence[Step], way: Way, outer: tuple[ActionRef, ...]) -> Iterator[Before]:
        for index, step in enumerate(steps):
            ref = parse_action_ref(step.uses) if step.uses else None
            action = self._known.get(ref) if ref is not None else None
            if ref is None or action is None or ref in outer or not self._has_before(ref, outer):
                continue
            if action.pre:
                yield (*way, index), f"Pre {title_of(step)}"
            else:
                yield from self._befores(action.steps, (*way, index), (*outer, ref))

    def _has_before(self, ref: ActionRef, outer: tuple[ActionRef, ...] = ()) -> bool:
        """Whether an action, or one that it uses, has something to run before; found out once for each."""
        action = self._known.get(ref)
        if action is None or ref in outer:
            return False
        if ref not in self._early:
            refs = [parse_action_ref(step.uses) for step in action.steps if step.uses]
            self._early[ref] = bool(action.pre) or any(self._has_before(one, (*outer, ref)) for one in refs)
        return self._early[ref]

    def _action(self, uses: str, ref: ActionRef) -> Action | None:
        """Return what a fetched action is; of one that cannot be read its step tells, if it is ever run."""
        with suppress(ActionRefused):
            action = read_fetched(uses, ref, self._fetcher.fetch(ref, self._look))
            self._known[ref] = action
            return action if action.using == COMPOSITE else None
        return None

    def _one(self, place: int, title: str, bring: Callable[[], list[str]]) -> None:
        self._book.show(place, title)
        began_at = self._clock.now()
        start = self._log.begin_step(place, began_at)
        self._book.tell_at_once(StepNews(place, "started", began_at, name=title, log_start=start))
        try:
            lines = bring()
        except (LeaseLost, StoreBusy):
            raise
        except EngineError as error:
            message = self._log.mask.text(str(error))
            self._log.say_group(title, [])
            self._log.annotate("error", message)
            self._end(place, title, "failed", message, "failure")
            kind = "unavailable" if isinstance(error, ExecutorUnavailable) else "failure"
            raise SetupFailed(message, kind) from error
        self._log.say_group(title, lines)
        self._end(place, title, "succeeded", "", "success")

    def _end(self, place: int, title: str, cause: str, reason: str, conclusion: str) -> None:
        now = self._clock.now()
        end = self._log.end_step(place, now)
        code = 0 if cause == "succeeded" else None
        news = StepNews(place, cause, now, code, reason, conclusion, conclusion, None, end, "", title)
        self._book.tell_at_once(news)

    def _fetch(self, ref: ActionRef) -> list[str]:
        began_s = self._clock.monotonic_s()
        if ref.kind is ActionKind.REMOTE:
            return told(self._fetcher.fetch(ref, self._look), self._clock.monotonic_s() - began_s)
        lines: list[str] = []
        self._executors.get(DOCKER).ensure_image(ref.name, lines.append, look=self._look)
        seconds = self._clock.monotonic_s() - began_s
        return [*lines, f"It took {seconds:.1f} s"] if lines else ["It is here already"]


def needs_of(steps: Sequence[Step], contexts: Mapping[str, Any], depth: int = 0) -> list[Need]:
    """Return what these steps take from elsewhere, but for those that cannot run whatever becomes of others."""
    found = []
    for step in steps:
        if step.uses and not _never_runs(step, contexts):
            ref = parse_action_ref(step.uses)
            if ref.kind in (ActionKind.REMOTE, ActionKind.DOCKER):
                found.append((step.uses, ref, depth))
    return found


def _never_runs(step: Step, contexts: Mapping[str, Any]) -> bool:
    if step.condition is None or not step.condition.names <= contexts.keys():
        return False
    states = ((True, False, False), (False, True, False), (False, False, True))
    try:
        return not any(
            step.condition.evaluate(contexts, status_functions(ok=ok, failed=failed, cancelled=cancelled))
            for ok, failed, cancelled in states
        )
    except ExpressionError:
        return False
