"""`treadle show RUN`: a run with its jobs, every attempt with its own times and end, its steps and their reports."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.cli.naming import RUN_HELP, find_run
from app.cli.output import colour_wanted, paint, print_json, print_markdown, status_text, talk
from app.cli.reads import Reads, ReadsAttempts
from app.cli.source import source_of
from app.expectation import done_in, late, of_usual, starts_in
from app.shapes import attempt_shape, job_shape, run_shape, step_shape
from app.wording import duration, place_of, short_ref
from engine.core.clock import SystemClock
from engine.core.records import Attempt, Job, Run, Step
from engine.core.states import JobStatus, StepStatus
from widgets.glyphs import look
from widgets.safe_text import plain, uncoloured

LEVELS = {"error": "red", "warning": "yellow", "notice": "cyan"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="?", default="latest", help=f"{RUN_HELP} (default: latest)")
    parser.add_argument("--summary", action="store_true", help="show what its steps summed up, and nothing else")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        run = find_run(source.queries, args.run)
        if args.summary:
            _print_summaries(source.queries, run, as_json=args.json)
            return 0
        run, jobs = source.foretold_jobs(run)
        told = source.queries.of_run(run.id)
        if args.json:
            print_json(_shape(told, run, jobs))
        else:
            print(*_lines(told, run, jobs, SystemClock().now(), colour_wanted(sys.stdout)), sep="\n")
    return 0


def _print_summaries(queries: Reads, run: Run, *, as_json: bool) -> None:
    """Print the summaries of each job's latest attempt: laid out on a terminal, as they were written elsewhere."""
    all_told = queries.of_run(run.id)
    latest = [(job, made[-1]) for job in queries.jobs(run.id) if job.attempts and (made := all_told.attempts(job.id))]
    found = [(job, attempt, texts) for job, attempt in latest if (texts := all_told.summaries(attempt.id))]
    if as_json:
        told = [
            {"job": job.id, "name": job.name, "attempt": made.number, "summaries": texts} for job, made, texts in found
        ]
        print_json(told)
        return
    for place, (job, _, texts) in enumerate(found):
        print(*([""] if place else []), paint(plain(job.name), "bold", colour_wanted(sys.stdout)), "", sep="\n")
        for text in texts:
            if sys.stdout.isatty():
                print_markdown(text)
            else:
                print(uncoloured(text))
    if not found:
        talk(f"No step of run {run.id} has written a summary.")


def _shape(queries: ReadsAttempts, run: Run, jobs: Sequence[Job]) -> dict[str, Any]:
    told = [
        job_shape(job)
        | {
            "attempts": [
                attempt_shape(attempt)
                | {"steps": [step_shape(step) for step in queries.steps(attempt.id)]}
                | {"annotations": queries.annotations(attempt.id), "summaries": queries.summaries(attempt.id)}
                for attempt in (queries.attempts(job.id) if job.attempts else ())
            ]
        }
        for job in jobs
    ]
    return run_shape(run) | {"jobs": told}


def _lines(queries: ReadsAttempts, run: Run, jobs: Sequence[Job], now: datetime, colours: bool) -> Iterable[str]:
    title = f"{plain(run.workflow_name)} #{run.number}"
    took = duration(((run.finished_at or now) - run.started_at).total_seconds()) if run.started_at else ""
    yield f"{status_text(run.status, colours)}  {paint(title, 'bold', colours)}  r{run.id}  {took}".rstrip()
    yield f"  {plain(run.title)}"
    yield f"  {plain(run.event)} on {plain(short_ref(run.ref))} {run.sha[:8]}, {run.repo}, {_at(run.created_at)}"
    if run.pinned:
        yield "  pinned: kept whatever its age"
    if run.reason:
        yield f"  {plain(run.reason)}"
    if run.expected_finish_at is not None:
        yield f"  {done_in(run.expected_finish_at, now)}, at {_at(run.expected_finish_at, now)}"
    names = {job.id: job.name for job in jobs}
    if len(path := [names[job_id] for job_id in run.critical if job_id in names]) > 1:
        yield f"  its end {'waits' if run.finished_at is None else 'waited'} for {plain(' → '.join(path))}"
    for job in jobs:
        yield ""
        yield from _job(queries, job, now, colours)


def _job(queries: ReadsAttempts, job: Job, now: datetime, colours: bool) -> Iterable[str]:
    parts = [status_text(job.status, colours), paint(plain(job.name), "bold", colours), f"j{job.id}"]
    if job.status == JobStatus.PENDING and job.needs:
        parts.append(f"needs {plain(', '.join(job.needs))}")
    if job.next_attempt_at is not None and job.status == JobStatus.RETRYING:
        parts.append(f"next attempt {_at(job.next_attempt_at)}")
    parts += _expected(job, now, colours)
    if job.tolerated:
        parts.append("allowed to fail")
    if job.patched:
        parts.append("patched by hand")
    if job.held_until is not None:
        parts.append(f"held until {_at(job.held_until)}: treadle shell j{job.id}")
    if job.environment:
        parts.append(plain(f"in {job.environment} {job.environment_url}".strip()))
    attempts = queries.attempts(job.id) if job.attempts else []
    if job.reason and job.status != JobStatus.SUCCESS and not (attempts and attempts[-1].reason == job.reason):
        parts.append(plain(job.reason))
    yield "  ".join(parts)
    for attempt in attempts:
        yield from _attempt(queries, attempt, now, colours)
    for summary in queries.summaries(attempts[-1].id) if attempts else ():
        yield "  summary"
        yield from (f"    {plain(line)}".rstrip() for line in summary.strip("\n").split("\n"))


def _expected(job: Job, now: datetime, colours: bool) -> Iterable[str]:
    """Return what is expected of a job that has not ended."""
    if job.expected_start_at is not None:
        yield starts_in(job.expected_start_at, now)
    if job.attempt_started_at is not None and job.expected_s is not None:
        yield of_usual((now - job.attempt_started_at).total_seconds(), job.expected_s, " of ")
    if job.slower is not None:
        yield paint(late(job.slower), "yellow", colours)


def _attempt(queries: ReadsAttempts, attempt: Attempt, now: datetime, colours: bool) -> Iterable[str]:
    took = duration(((attempt.finished_at or now) - attempt.started_at).total_seconds())
    until = f" to {_at(attempt.finished_at, attempt.started_at)}" if attempt.finished_at else ""
    parts = [
        f"attempt {attempt.number}",
        status_text(attempt.status, colours),
        took,
        f"{_at(attempt.started_at)}{until}",
    ]
    if attempt.patched:
        parts.append("patched by hand")
    code = f"exit code {attempt.exit_code}"
    if attempt.exit_code:
        parts.append(code)
    if attempt.reason and code not in attempt.reason:
        parts.append(plain(attempt.reason))
    yield "  " + "  ".join(parts)
    annotations = queries.annotations(attempt.id)
    for step in queries.steps(attempt.id):
        yield _step(step, now, colours)
        for found in annotations:
            if found["step"] == step.index and f"exit code {step.exit_code}" not in found["message"]:
                yield f"        {_annotation(found, colours)}"


def _step(step: Step, now: datetime, colours: bool) -> str:
    spent = duration(((step.finished_at or now) - step.started_at).total_seconds()) if step.started_at else ""
    shown = look(step.status)
    status = paint(f"{shown.glyph} {shown.word:<9}", shown.colour, colours)
    failed = step.exit_code and step.status != StepStatus.SUCCESS
    notes = [f"exit code {step.exit_code}"] if failed else []
    if step.outcome == "failure" and step.conclusion == "success":
        notes.append("allowed to fail")
    return "  ".join((f"    {step.index:>2}", status, f"{spent:>8}", plain(step.name), *notes)).rstrip()


def _annotation(found: Mapping[str, Any], colours: bool) -> str:
    """Return an error, warning or notice of a step as one line, with the place in a file that it speaks of."""
    text = ": ".join(part for part in (place_of(found), found.get("title", ""), found["message"]) if part)
    text += f" [{found['code']}]" if found.get("code") else ""
    level = paint(f"{found['level']:<7}", LEVELS.get(found["level"], "white"), colours)
    return f"{level}  {plain(' '.join(text.splitlines()))}"


def _at(at: datetime, since: datetime | None = None) -> str:
    """Return an instant in the person's own time zone, without the day if it is that of `since`."""
    local = at.astimezone()
    same_day = since is not None and since.astimezone().date() == local.date()
    return local.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S")
