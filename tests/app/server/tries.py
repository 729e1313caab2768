"""Attempts of jobs as a worker would have left them: steps that ended, and what they printed."""

from engine.core.retry import Outcome
from engine.store.logs.writer import LogWriter, Progress
from engine.store.queue import Lease, StepNews
from tests.engine.fakes import FAILURE, Lab, jobs

SUCCESS = Outcome("succeeded", exit_code=0)
Told = tuple[str, str, str]
"""A step's name, how it ended (success, failed, skipped), and what it printed."""


def played(lab: Lab, *steps: Told, run: int | None = None, workflow: str = "", **new: object) -> Lease:
    """Have the next queued attempt (of a new run, if none is named) do these steps and end as they did."""
    if run is None:
        lab.run(workflow or jobs(a=""), **new)  # type: ignore[arg-type]
    lease = lab.start()
    leave(lab, lease, *steps)
    lab.finish(lease, FAILURE if any(status == "failed" for _, status, _ in steps) else SUCCESS)
    return lease


def leave(lab: Lab, lease: Lease, *steps: Told) -> None:
    """Write what an attempt's steps leave behind; it goes on."""
    queue, now = lab.store.queue, lab.clock.now()
    queue.begin(lease, [name for name, _, _ in steps], None)
    log = LogWriter(lab.store.log_path(lease.run_id, lease.job_id, lease.number), 1 << 30)
    news = []
    for number, (_, status, text) in enumerate(steps):
        if status == "skipped":
            news.append(StepNews(number, "condition_false", now, outcome="skipped", conclusion="skipped"))
            continue
        start = log.size
        log.begin_step(number, now)
        log.append(number, text.encode(), Progress(len(text)), now)
        log.end_step(number, now)
        word = "success" if status == "success" else "failure"
        news += [
            StepNews(number, "started", now, log_start=start),
            StepNews(
                number, "succeeded" if word == "success" else "failed", now, 0 if word == "success" else 1,
                outcome=word, conclusion=word, log_end=log.size,
            ),
        ]  # fmt: skip
    log.close()
    queue.steps(lease, news)
