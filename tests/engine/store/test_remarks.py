from pathlib import Path

import pytest

from engine.core.retry import Outcome
from engine.store.queue import StepNews
from engine.store.remarks import run_annotations, run_summaries
from tests.engine.fakes import Lab, jobs


@pytest.fixture
def lab(tmp_path: Path):
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def remark(lab: Lab, message: str, summary: str = "") -> None:
    """Let the next job's one step say something and fail."""
    lease, now = lab.start(), lab.clock.now()
    lab.store.queue.begin(lease, ["Lint"], None)
    lab.store.queue.steps(lease, [StepNews(0, "started", now), StepNews(0, "failed", now, 1, summary=summary)])
    place = {"file": "a.py", "line": 3, "log_start": 12}
    lab.store.queue.annotate(lease, [{"step": 0, "level": "error", "message": message, "properties": place}])
    lab.finish(lease, Outcome("failed", "failure", 1))


def test_a_runs_remarks_are_those_of_each_jobs_latest_attempt(lab: Lab) -> None:
    other = lab.run(jobs(a=""))
    remark(lab, "of another run")
    run = lab.run(jobs(a="", b=""))
    remark(lab, "of a", "# A")
    remark(lab, "of b")
    first, second = run_annotations(run)
    assert (first["message"], second["message"]) == ("of a", "of b")
    job = lab.store.queries.jobs(run)[0]
    assert first == {
        "job": job.id, "name": "a", "attempt": 1, "step": 0, "step_name": "Lint", "level": "error", "message": "of a",
        "file": "a.py", "line": 3, "log_start": 12,
    }  # fmt: skip
    assert [one["text"] for one in run_summaries(run)] == ["# A"]
    assert run_annotations(other, limit=1)[0]["message"] == "of another run"
    assert run_summaries(other) == []
