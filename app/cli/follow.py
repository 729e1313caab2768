"""Follows runs from the store's log of changes and the attempts' log files, and tells a renderer what happens.

It reads what anybody could read; so it does not matter whether the engine lives in this process or in another.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from app.cli.result import Renderer, Result, RunResult, job_result
from engine.core.records import Job, Transition
from engine.core.states import RUN_FINAL
from engine.store.logs.index import Mark
from engine.store.logs.reader import LogReader
from engine.store.store import Store

CHUNK_BYTES = 1 << 16  # larger ones fall out of the processor's cache: slower, and more memory
PAGE = 1000
NEWS_BEHIND = ("retrying", "failed", "timed_out")  # job statuses with facts to them that transitions do not carry
BEFORE_STEPS = -1  # the number under which the log's beginning goes, where the job is set up


class _Tail:
    """One attempt's log, read so far up to `at`, within step `step`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reader: LogReader | None = None
        self.at = 0
        self.step = BEFORE_STEPS
        self.marks = 0

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Yield what came since the last look, step and bytes; one piece is in memory at a time."""
        if self.reader is None:
            try:
                self.reader = LogReader(self.path)
            except FileNotFoundError:
                return
        size = self.reader.size
        entries = self.reader.entries()
        begins = [entry for entry in entries[self.marks :] if entry.mark is Mark.STEP_BEGIN]
        self.marks = len(entries)
        for end, step in [*((entry.start, entry.step) for entry in begins), (size, None)]:
            while self.at < end:
                data = self.reader.read(self.at, min(end, self.at + CHUNK_BYTES))
                if not data:
                    break
                self.at += len(data)
                yield self.step, data
            if step is not None:
                self.step = step

    def close(self) -> None:
        if self.reader is not None:
            self.reader.close()


class Follower:
    """Tells `renderer` all that happens to `run_ids`, in order. Call `look` until `done`, then `result`."""

    def __init__(self, store: Store, run_ids: Sequence[int], renderer: Renderer) -> None:
        self._store = store
        self._run_ids = list(run_ids)
        self.renderer = renderer
        self._cursor = 0
        self._jobs: dict[int, Job] = {}
        self._tails: dict[tuple[int, int], _Tail] = {}
        self._open = set(run_ids)
        for run_id in run_ids:
            run = store.queries.run(run_id)
            assert run is not None
            jobs = tuple(store.queries.jobs(run_id))
            self._jobs |= {job.id: job for job in jobs}
            renderer.run_added(run, jobs, {job.key: job.needs for job in jobs})
        self._cursor = min((t.sequence for t in self._first_changes()), default=1) - 1

    @property
    def done(self) -> bool:
        return not self._open

    def look(self) -> None:
        """Tell what is new: logs first as far as they belong before a change, then the change."""
        more = True
        while more:
            changes = self._store.queries.transitions(self._cursor, run_ids=self._run_ids, limit=PAGE)
            for change in changes:
                self._cursor = change.sequence
                self._tell(change)
            more = len(changes) == PAGE
        for key in list(self._tails):
            self._drain(*key)
        self.renderer.tick()

    def result(self, seconds: float) -> Result:
        """Return how everything ended."""
        runs = []
        for run_id in self._run_ids:
            run = self._store.queries.run(run_id)
            assert run is not None
            jobs = {job.name: job_result(job) for job in self._store.queries.jobs(run_id)}
            runs.append(RunResult(run.id, run.workflow_name, str(run.status), jobs))
        good = ("success", "skipped")
        bad = [run.status for run in runs if run.status not in good]
        status = "success" if not bad else "failed" if "failed" in bad else bad[0]
        return Result(status, seconds, tuple(runs))

    def _first_changes(self) -> list[Transition]:
        return self._store.queries.transitions(0, run_ids=self._run_ids, limit=1)

    def _tell(self, change: Transition) -> None:
        if change.noun == "run" and change.to_status in RUN_FINAL:
            self._open.discard(change.run_id)
        if change.job_id is not None and change.job_id not in self._jobs:
            job = self._store.queries.job(change.job_id)
            if job is not None:
                self._jobs[job.id] = job
                self.renderer.job_added(job)
        if change.noun == "attempt" and change.job_id is not None and change.attempt is not None:
            self._attempt(change, (change.job_id, change.attempt))
            return
        if change.noun == "step" and change.job_id is not None and change.attempt is not None:
            if change.step == 0 and change.to_status in ("running", "skipped", "failed", "cancelled"):
                self._tell_steps(change.job_id, change.attempt)
            if change.to_status != "running":
                self._drain(change.job_id, change.attempt)
        if change.noun == "job" and change.to_status in NEWS_BEHIND and change.job_id is not None:
            job = self._store.queries.job(change.job_id)
            if job is not None:
                self.renderer.job_added(job)
        self.renderer.transition(change)
        if change.noun == "step" and change.to_status in ("failed", "timed_out"):
            self._tell_tolerated(change)

    def _attempt(self, change: Transition, key: tuple[int, int]) -> None:
        if change.to_status == "running":
            self._tails[key] = _Tail(self._store.log_path(change.run_id, *key))
            return
        self._drain(*key)
        tail = self._tails.pop(key, None)
        if tail is not None:
            tail.close()

    def _tell_steps(self, job_id: int, attempt: int) -> None:
        for record in self._store.queries.attempts(job_id):
            if record.number == attempt:
                names = [step.name for step in self._store.queries.steps(record.id)]
                self.renderer.steps(job_id, attempt, names)

    def _tell_tolerated(self, change: Transition) -> None:
        assert change.job_id is not None and change.step is not None
        for record in self._store.queries.attempts(change.job_id):
            if record.number == change.attempt:
                conclusions = {step.index: step.conclusion for step in self._store.queries.steps(record.id)}
                if conclusions.get(change.step) == "success":
                    self.renderer.step_tolerated(change.job_id, change.step)

    def _drain(self, job_id: int, attempt: int) -> None:
        tail = self._tails.get((job_id, attempt))
        if tail is not None:
            for step, data in tail.pieces():
                self.renderer.log(self._jobs[job_id], attempt, step, data)
