"""Whatever happens in whatever order: every job keeps to the state machine, and every run comes to its end.

Random workflows on a real store, with random outcomes, wishes and retries; then the world is left to itself.
"""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from engine.core.errors import LeaseLost
from engine.core.retry import Outcome
from engine.core.states import JOB_FINAL, RUN_FINAL, TABLES
from engine.store.tables.runs import AttemptRow, EdgeRow, JobRow, RunRow
from tests.engine.fakes import LOST, Lab

CONDITIONS = ("", "always()", "failure()", "cancelled()", "success()", "!cancelled()", "needs.nobody.result == 'x'")
OUTCOMES = st.sampled_from(
    [
        Outcome("succeeded", exit_code=0),
        Outcome("failed", "failure", 1, "exit code 1"),
        Outcome("failed", "oom", 137, "out of memory"),
        Outcome("overran", "timed_out", reason="too slow"),
        LOST,
    ]
)


@st.composite
def job_texts(draw, key: str, earlier: list[str]) -> str:
    needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
    more = [f"needs: [{', '.join(needs)}]"] if needs else []
    condition = draw(st.sampled_from(CONDITIONS))
    if condition:
        more.append(f'if: "{condition}"')
    if draw(st.booleans()):
        matrix = "n: [1, 2, 3]"
        if needs and draw(st.booleans()):
            matrix = f"n: '${{{{ fromJSON(needs.{needs[0]}.outputs.list || ''[1, 2]'') }}}}'"
        limit = draw(st.sampled_from(["", ", max-parallel: 1", ", max-parallel: 2"]))
        more.append(f"strategy: {{matrix: {{{matrix}}}, fail-fast: {str(draw(st.booleans())).lower()}{limit}}}")
    if draw(st.integers(0, 3)) == 0:
        group = draw(st.sampled_from(["one", "two", "of-the-run"]))
        how = draw(st.sampled_from(["", ", cancel-in-progress: true", ", queue: all", ", queue: all, limit: 2"]))
        more.append(f"concurrency: {{group: {group}{how}}}")
    if draw(st.booleans()):
        more.append(f"retry: {{max: {draw(st.integers(1, 2))}, backoff: 10s}}")
    return f"  {key}: {{{', '.join(['runs-on: x', 'steps: [{run: x}]', *more])}}}"


@st.composite
def workflows(draw) -> str:
    keys = [f"j{number}" for number in range(draw(st.integers(1, 5)))]
    lines = [draw(job_texts(key, keys[:number])) for number, key in enumerate(keys)]
    how = draw(st.sampled_from(["", "", "{group: of-the-run}", "{group: of-the-run, cancel-in-progress: true}"]))
    return "\n".join(["on: push", *([f"concurrency: {how}"] if how else []), "jobs:", *lines])


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.lab = Lab(Path(self.folder.name) / "home")
        self.leases = []

    @initialize(text=workflows())
    def first(self, text):
        self.lab.run(text)

    @rule(text=workflows())
    def another_run(self, text):
        if RunRow.select().count() < 4:
            self.lab.run(text)

    @rule()
    def claim(self):
        lease = self.lab.claim()
        if lease is not None:
            self.leases.append(lease)

    @rule(data=st.data(), outcome=OUTCOMES, tolerated=st.booleans())
    def finish(self, data, outcome, tolerated):
        if not self.leases:
            return
        lease = self.leases.pop(data.draw(st.integers(0, len(self.leases) - 1)))
        if lease.job_id in self.lab.store.queue.cancel_asked() and data.draw(st.booleans()):
            outcome = Outcome("cancelled", reason="cancelled")
        try:
            self.lab.finish(lease, outcome, {"list": "[3, 4, 5]"}, tolerated=tolerated and outcome.cause == "failed")
        except LeaseLost:
            pass  # the watchdog was quicker

    @rule(data=st.data(), outcome=OUTCOMES)
    def finish_while_the_scheduler_decides(self, data, outcome):
        """Something ends between reading what there is to decide and writing what was decided."""
        if not self.leases:
            return
        lease = self.leases.pop(data.draw(st.integers(0, len(self.leases) - 1)))
        decisions, now = self.lab.store.decisions, self.lab.clock.now()
        read = decisions.snapshot

        def snapshot(*args):
            decisions.snapshot = read
            found = read(*args)
            try:
                self.lab.store.queue.finish(lease, outcome, now, outputs={}, tolerated=False)
            except LeaseLost:
                pass
            return found

        decisions.snapshot = snapshot
        self.lab.scheduler.tick()
        self.lab.scheduler.tick()

    @rule(seconds=st.sampled_from([1, 11, 40]))
    def time_passes(self, seconds):
        self.lab.clock.advance(seconds)
        self.lab.tick()

    @rule(data=st.data())
    def cancel_run(self, data):
        self.lab.cancel(data.draw(st.sampled_from([run.id for run in RunRow.select(RunRow.id)])))

    @rule(data=st.data())
    def cancel_job(self, data):
        self.lab.cancel_job(data.draw(st.sampled_from([job.id for job in JobRow.select(JobRow.id)])))

    @rule(data=st.data())
    def retry(self, data):
        job = self.lab.job(data.draw(st.sampled_from([job.id for job in JobRow.select(JobRow.id)])))
        if job.attempts < 4:
            self.lab.retry(job.run_id, job.name)

    @invariant()
    def the_books_balance(self):
        for run in RunRow.select():
            jobs = list(JobRow.select().where(JobRow.run_id == run.id))
            unfinished = [job for job in jobs if job.status not in JOB_FINAL]
            assert run.open_jobs == len(unfinished)
            assert (run.status in RUN_FINAL) == (not unfinished)
            for job in jobs:
                if job.status == "pending":
                    needs = JobRow.select().join(EdgeRow, on=(EdgeRow.need_id == JobRow.id))
                    open_needs = [n for n in needs.where(EdgeRow.job_id == job.id) if n.status not in JOB_FINAL]
                    assert job.unmet == len(open_needs), (job.name, job.unmet)
                running = AttemptRow.select().where((AttemptRow.job_id == job.id) & (AttemptRow.status == "running"))
                assert running.count() == (job.status == "running")

    @invariant()
    def no_matrix_runs_more_than_it_may(self):
        active = Counter()
        limits = {}
        for job in JobRow.select().where(JobRow.status.in_(["queued", "running", "retrying"])):
            active[job.run_id, job.key] += 1
            limits[job.run_id, job.key] = job.plan["max_parallel"] or 1000
        assert all(count <= limits[key] for key, count in active.items())

    @invariant()
    def no_group_is_held_by_more_than_its_limit(self):
        held = Counter(
            job.concurrency_group
            for job in JobRow.select().where(JobRow.status.in_(["queued", "running", "retrying"]))
            if job.concurrency_group
        )
        held.update(
            run.concurrency_group
            for run in RunRow.select().where(RunRow.status.in_(["queued", "running"]))
            if run.concurrency_group
        )
        assert all(count <= 2 for count in held.values()), held
        assert held["of-the-run"] <= 2

    def teardown(self):
        try:
            for _ in range(200):
                self.lab.tick()
                for lease in self.leases:
                    try:
                        self.lab.finish(lease)
                    except LeaseLost:
                        pass
                self.leases = [lease] if (lease := self.lab.claim()) else []
                if not self.leases:
                    if all(run.status in RUN_FINAL for run in RunRow.select()):
                        break
                    self.lab.clock.advance(400)
            self._everything_has_ended()
        finally:
            self.lab.close()
            self.folder.cleanup()

    def _everything_has_ended(self):
        statuses = {run.id: run.status for run in RunRow.select()}
        left = {job.name: (job.status, job.waits_for, job.unmet) for job in JobRow.select() if
                job.status not in JOB_FINAL}  # fmt: skip
        assert set(statuses.values()) <= RUN_FINAL, (statuses, left)
        assert left == {}
        chains: dict[tuple, str] = {}
        lines = []
        while more := self.lab.store.queries.transitions(lines[-1].sequence if lines else 0):
            lines += more
        for line in lines:
            key = (line.noun, line.run_id, line.job_id, line.attempt if line.noun == "attempt" else None)
            assert line.from_status == chains.get(key, ""), f"{key} was {chains.get(key)}, not {line.from_status}"
            if line.from_status:
                assert TABLES[line.noun][line.from_status, line.cause] == line.to_status
            chains[key] = line.to_status
        for run in RunRow.select():
            assert chains["run", run.id, None, None] == run.status
        for job in JobRow.select():
            assert chains["job", job.run_id, job.id, None] == job.status
            mine = [line for line in lines if line.noun == "job" and line.job_id == job.id]
            retried = [line for line in mine if line.cause == "will_retry"]
            asked = [line for line in mine if line.cause in ("retry_asked", "need_retried") and line.attempt]
            assert job.retry_count == len(retried) + len(asked)
            attempts = self.lab.store.queries.attempts(job.id)
            assert [attempt.number for attempt in attempts] == list(range(1, job.attempts + 1))
            assert all(attempt.finished_at for attempt in attempts)


def test_every_run_comes_to_its_end_whatever_happens():
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=10,
            stateful_step_count=30,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes; drop this to see it
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(workflows())
def test_without_any_failure_everything_that_may_run_runs(text):
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder) / "home")
        try:
            run_id = lab.run(text)
            lab.work()
            assert lab.status(run_id) in RUN_FINAL
            assert "failed" not in lab.statuses(run_id).values()
        finally:
            lab.close()
