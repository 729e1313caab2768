"""What is expected of runs and jobs, put beside what is known of them. Worked out when somebody asks.

A presenter or a command turns it into words with app/expectation.py.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.core.clock import Clock
from engine.core.forecast import Forecast, forecast
from engine.core.records import Job, Run
from engine.core.states import JOB_FINAL, RUN_FINAL
from engine.store.outlook import outlook, path_of
from engine.store.store import Store

WORTH = 10.0  # a forecast is told again for so many times what it cost


class Foreteller:
    """Answers from memory for a moment, the longer the more there is to reckon with. Any thread.

    `workers` is how many there are, `claims` whether they take what is queued.
    """

    def __init__(self, store: Store, clock: Clock, workers: Callable[[], int], claims: Callable[[], bool]) -> None:
        self._store = store
        self._clock = clock
        self._workers = workers
        self._claims = claims
        self._lock = threading.Lock()
        self._kept = Forecast()
        self._until_s = float("-inf")

    def look(self) -> Forecast:
        with self._lock:  # one works it out, the others wait for that
            began_s = self._clock.monotonic_s()
            if began_s >= self._until_s:
                claims = self._claims() and self._store.queue.pause.get() is None and not self._store.disk.look().short
                workers = self._workers() if claims else 0
                self._kept = forecast(outlook(workers, claims=claims), self._clock.now())
                ended_s = self._clock.monotonic_s()
                self._until_s = ended_s + WORTH * (ended_s - began_s)
            return self._kept

    def run(self, run: Run) -> Run:
        """Return a run with when it is expected to end, and the jobs that its end waits for."""
        if run.status in RUN_FINAL:
            return replace(run, critical=path_of(run.id))
        return self.runs([run])[0]

    def runs(self, runs: Sequence[Run]) -> list[Run]:
        """Return runs with when they are expected to end; of those that have ended nothing is looked up."""
        if all(run.status in RUN_FINAL for run in runs):
            return list(runs)
        known = self.look().runs
        return [
            replace(run, expected_finish_at=told.finish_at, critical=told.critical)
            if run.status not in RUN_FINAL and (told := known.get(run.id))
            else run
            for run in runs
        ]

    def jobs(self, jobs: Sequence[Job]) -> list[Job]:
        """Return jobs with when they are expected to start and to end, and whether they are late."""
        if all(job.status in JOB_FINAL for job in jobs):
            return list(jobs)
        known = self.look().jobs
        return [
            replace(
                job,
                expected_s=told.expected_s,
                expected_start_at=told.start_at,
                expected_finish_at=told.finish_at,
                slower=told.slower,
                attempt_started_at=told.began_at,
            )
            if job.status not in JOB_FINAL and (told := known.get(job.id))
            else job
            for job in jobs
        ]
