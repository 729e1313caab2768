"""A run of thousands of jobs costs in all what its edges cost: counted in SQLite's own steps, not in seconds."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from engine.core.records import JobFacts
from engine.core.retry import Outcome
from engine.core.scheduling import decide
from engine.core.snapshot import Need
from engine.store.decisions import Decidable
from engine.store.tables.runs import JobRow
from pipelines.plan import JobPlan
from tests.engine.fakes import FAILURE, START, Lab

INSTRUCTIONS = 100  # of SQLite's virtual machine, to a step
GOOD = Outcome("succeeded", exit_code=0)


class Meter:
    """Counts the statements of this thread's connection, and the steps that SQLite takes for them."""

    def __init__(self, lab: Lab) -> None:
        self._connection = lab.store.database._db.connection()
        self.statements = self.steps = 0

    def __enter__(self) -> "Meter":
        self._connection.set_trace_callback(self._statement)
        self._connection.set_progress_handler(self._step, INSTRUCTIONS)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.set_trace_callback(None)
        self._connection.set_progress_handler(None, INSTRUCTIONS)

    def _statement(self, _: str) -> None:
        self.statements += 1

    def _step(self) -> int:
        self.steps += 1
        return 0


class Unconditional:
    """Knows of no workflow: a job starts when its needs have succeeded."""

    def describe(self, facts: JobFacts) -> Decidable:
        return Decidable(None, {})

    def outputs(self, facts: JobFacts, called: Sequence[Need]) -> Mapping[str, str]:
        return {}


def tick(lab: Lab) -> None:
    while moves := decide(snapshot := lab.store.decisions.snapshot(Unconditional(), START)):
        applied = lab.store.decisions.apply(moves, "scheduler", START, snapshot.sequence)
        lab.store.queue.add(applied.queued)


def wide(count: int, **cell: int) -> list[JobPlan]:
    """A root, a wide middle and an end that needs it all: two edges a job."""
    more = {"job_total": count, "fail_fast": False, **cell}
    cells = [JobPlan("m", f"m{n}", needs=("a",), job_index=n, **more) for n in range(count)]
    return [JobPlan("a", "a"), *cells, JobPlan("z", "z", needs=("m",))]


def chain(count: int) -> list[JobPlan]:
    return [JobPlan(f"j{n}", f"j{n}", needs=(f"j{n - 1}",) if n else ()) for n in range(count)]


def cost(home: Path, plans: list[JobPlan], outcome: Outcome) -> tuple[float, float]:
    """Run it all, deciding after each job; return the statements and steps of one job."""
    lab = Lab(home)
    run_id = lab.plan(*plans)
    with Meter(lab) as meter:
        tick(lab)
        while lease := lab.claim():
            ended = outcome if lab.job(lease.job_id).key == "m" else GOOD
            lab.store.queue.finish(lease, ended, START, outputs={}, tolerated=False)
            tick(lab)
    assert lab.status(run_id) in ("success", "failed")
    lab.close()
    return meter.statements / len(plans), meter.steps / len(plans)


@pytest.mark.parametrize(
    ("shape", "outcome"),
    [
        (wide, GOOD),
        (wide, FAILURE),
        (lambda count: wide(count, max_parallel=2), GOOD),
        (lambda count: wide(count, fail_fast=True), FAILURE),
        (chain, GOOD),
    ],
    ids=["wide", "every cell fails", "max-parallel", "fail-fast", "chain"],
)
def test_a_job_of_a_larger_run_costs_no_more(tmp_path: Path, shape: Callable[[int], list[JobPlan]], outcome: Outcome):
    few, many = (cost(tmp_path / str(count), shape(count), outcome) for count in (20, 60))
    assert many[0] < few[0] * 1.2, "statements a job"
    assert many[1] < few[1] * 1.5 + 1, "SQLite's steps a job"


def test_an_idle_tick_costs_the_same_however_much_has_been(tmp_path: Path):
    costs = []
    for finished in (1, 6):
        lab = Lab(tmp_path / str(finished))
        for _ in range(finished):
            lab.plan(*wide(3))
            tick(lab)
            while lease := lab.claim():
                lab.store.queue.finish(lease, FAILURE, START, outputs={}, tolerated=False)
                tick(lab)
        with Meter(lab) as meter:
            tick(lab)
        costs.append((meter.statements, meter.steps))
        lab.close()
    assert costs[1][0] == costs[0][0] < 10
    assert costs[1][1] <= costs[0][1] + 1


def test_two_thousand_jobs_are_decided_at_once(tmp_path: Path):
    lab = Lab(tmp_path / "home")
    lab.plan(*wide(2000))
    tick(lab)
    root = lab.start()
    lab.store.queue.finish(root, GOOD, START, outputs={}, tolerated=False)
    with Meter(lab) as meter:
        tick(lab)
    assert JobRow.select().where(JobRow.status == "queued").count() == 2000
    assert lab.store.queue.waiting() == 2000
    assert meter.statements < 2000 * 5
    lab.close()
