"""What the engine and the terminal UI do inside, by itself: claim and finish, decide, forecast, draw a run's graph."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from textual.app import App, ComposeResult

from app.tui.presenters import forecast as lighting
from app.tui.presenters.run import a_moment_later, dag_jobs, timeline
from benchmarks.decide import fan_out
from benchmarks.scale_home import Home
from engine.core.forecast import forecast
from engine.core.retry import Outcome
from engine.store.outlook import outlook
from engine.store.queue import Queue
from engine.store.store import open_store
from widgets.dag_pane import DagPane

TURNS = 3
CLAIMS = 100
MANY = 1_000  # jobs of a run whose edges are so many that one turn tells
SCREENS = {"graph": (200, 50), "outline": (80, 24)}


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the milliseconds of CPU that a piece of work needs, the median of some turns."""
    took = []
    for _ in range(TURNS):
        start = time.process_time()
        work()
        took.append((time.process_time() - start) * 1000)
    return median(took)


def claims(home: Home) -> dict[str, float]:
    """Load the queue, foretell it, and have a hundred jobs claimed and finished, each with its fsync."""
    store = open_store(home.path)
    now = datetime.now(UTC)
    try:
        found = {
            "load the queue, CPU ms": cpu_ms(lambda: Queue(store.database).load()),
            "forecast, CPU ms": cpu_ms(lambda: forecast(outlook(4, claims=True), now)),
        }
        store.queue.pause.clear()
        store.queue.load()
        start, cpu, count = time.perf_counter(), time.process_time(), 0
        claim_s = 0.0
        while count < CLAIMS:
            before = time.process_time()
            lease = store.queue.claim("bench", now)
            claim_s += time.process_time() - before
            if lease is None:
                break
            store.queue.finish(lease, Outcome("succeeded", exit_code=0), now, outputs={}, tolerated=False)
            count += 1
        each = 1000 / max(count, 1)
        found["claim a job, CPU ms"] = claim_s * each
        found["claim and finish a job, ms"] = (time.perf_counter() - start) * each
        found["claim and finish a job, CPU ms"] = (time.process_time() - cpu) * each
        return found
    finally:
        store.close()


def decisions(jobs: int) -> dict[str, float]:
    turns = [fan_out(jobs) for _ in range(TURNS if jobs < MANY else 1)]
    alone, whole = (median(turn[part] for turn in turns) for part in (0, 1))
    edges = 2 * (jobs - 2)
    return {"decide an edge, us": alone / edges * 1e6, "decide and write an edge, us": whole / edges * 1e6}


class Alone(App[None]):
    """The graph's pane on a whole screen."""

    def compose(self) -> ComposeResult:
        yield DagPane(id="dag")


def pictures(run: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Present and draw a run: the first time, when a status changes, and when a second passes."""
    now, jobs = datetime.now(UTC), run["jobs"]
    found = {
        "present a run's graph, CPU ms": cpu_ms(lambda: dag_jobs(jobs, now, lighting.lit(run, jobs))),
        "present a run's timeline, CPU ms": cpu_ms(lambda: timeline(jobs, attempts, None, 1, now)),
    }
    for name, size in SCREENS.items():
        found |= {f"{what} ({name}), CPU ms": value for what, value in asyncio.run(_drawn(jobs, now, size)).items()}
    return found


async def _drawn(jobs: Sequence[dict[str, Any]], now: datetime, size: tuple[int, int]) -> dict[str, float]:
    app = Alone()
    async with app.run_test(size=size) as pilot:
        pane = app.query_one(DagPane)
        found: dict[str, float] = {}

        async def measure(what: str, work: Callable[[], object]) -> None:
            await pilot.pause()
            start = time.process_time()
            work()
            await pilot.pause()
            found[what] = (time.process_time() - start) * 1000

        props = dag_jobs(jobs, now)
        await measure("draw a run first", lambda: pane.show(props))
        await measure("put the cursor on a job", lambda: pane.select(props[len(props) // 2].id))
        await measure("step to the next job", lambda: pane.move(1))
        changed = [job | {"status": "running"} if place == len(jobs) // 2 else job for place, job in enumerate(jobs)]
        props = dag_jobs(changed, now)
        await measure("show a status that changed", lambda: pane.show(props))
        await measure("show it a second later", lambda: pane.show(a_moment_later(props, changed, now)))
        await measure("height for another width", lambda: pane.height_for(size[0] - 10))
        return found
