"""What people look at is asked in as many statements whatever there is of it: counted, not timed."""

from collections.abc import Callable
from pathlib import Path

from app.views.explain import explain_run
from app.views.queue import queue_view
from app.views.repos import repos_view
from engine.control.mirrors import Mirrors
from engine.core.forecast import forecast
from engine.settings.model import RepoSettings, Settings
from engine.store.outlook import outlook
from pipelines.plan import JobPlan, RunPlan
from tests.engine.control.test_scale import Meter
from tests.engine.fakes import START, Lab

SMALL, LARGE = 10, 300


def written(lab: Lab, jobs: int) -> int:
    """Record a run of so many jobs of which a third has ended and has attempts, beside as many repositories."""
    lines = "".join(f"  j{n}: {{runs-on: x, steps: [{{run: a}}]}}\n" for n in range(jobs))
    digest, _ = lab.store.definitions.keep("w.yml", f"on: push\njobs:\n{lines}", "")
    plans = tuple(JobPlan(f"j{n}", f"j{n}") for n in range(jobs))
    run_id = lab.record(RunPlan("", None, False, False, 1, 0, plans), "team/site", tick=True, definition=digest)
    for _ in range(jobs // 3):
        lab.finish(lab.start())
    for number in range(jobs):
        repo_id = lab.store.runs.repo(f"team/{number}", f"/srv/{number}")
        lab.store.syncs.note(repo_id, START)
    return run_id


def statements(home: Path, jobs: int) -> dict[str, int]:
    """Return how many statements each question takes in a home of that size."""
    lab = Lab(home)
    run_id, store = written(lab, jobs), lab.store
    settings = Settings(home=home, repos=tuple(RepoSettings(f"team/{n}", f"/srv/{n}") for n in range(jobs)))
    questions: dict[str, Callable[[], object]] = {
        "a run's jobs": lambda: store.queries.jobs(run_id),
        "a run's attempts, steps and reports": lambda: store.queries.of_run(run_id),
        "a run explained": lambda: explain_run(store, settings, run_id),
        "the repositories": lambda: repos_view(store, settings, Mirrors(home)),
        "the queue": lambda: queue_view(store, 2),
        "the forecast": lambda: forecast(outlook(2, claims=True), START),
        "the order of the queue": lambda: store.queue.load(),
        "the heads of all repositories": lambda: Mirrors(home).default_heads(store),
    }
    found = {}
    for name, ask in questions.items():
        with Meter(lab) as meter:
            ask()
        found[name] = meter.statements
    lab.close()
    return found


def test_the_statements_of_a_question_do_not_grow_with_what_there_is(tmp_path: Path) -> None:
    large, small = statements(tmp_path / "large", LARGE), statements(tmp_path / "small", SMALL)
    assert large == small
