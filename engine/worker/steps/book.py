"""What becomes of an attempt's steps, on its way into the store: written at once, or with the state to go on from."""

from collections.abc import Callable

from engine.store.queue import Lease, StepNews
from engine.worker.assignment import Assignment
from engine.worker.log.job_log import JobLog
from engine.worker.steps.job_state import JobState
from engine.worker.tools import Tools


class StepBook:
    """One attempt's. `log` gives its log. What writes raises LeaseLost when somebody else has the attempt."""

    def __init__(self, tools: Tools, lease: Lease, job: Assignment, log: Callable[[], JobLog]) -> None:
        self._queue = tools.store.queue
        self._bus = tools.bus
        self._lease = lease
        self._job = job
        self._log = log
        self._news: list[StepNews] = []

    def show(self, place: int, name: str) -> None:
        """Make a row for a step that nobody knew of before, secrets hidden."""
        self._queue.add_steps(self._lease, place, [self._log().mask.text(name)])

    def tell(self, news: StepNews) -> None:
        """Take what became of a step; it is written with the next state."""
        self._news.append(news)

    def tell_at_once(self, news: StepNews) -> None:
        """Write what became of a step without a state: no step of the job itself has begun."""
        self._queue.steps(self._lease, [news])
        self._bus.wake("news")

    def keep(self, state: JobState) -> None:
        """Write what was told with the state to go on from, in one transaction, then annotations."""
        self._queue.steps(self._lease, self._news, self._job.seal(state.to_json()))
        if self._news:
            self._news = []
            self._bus.wake("news")
        self._queue.annotate(self._lease, self._log().take_annotations())
