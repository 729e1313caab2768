"""`treadle run --json`: one JSON object a line, as things happen, and nothing else on stdout."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from app.cli.result import Result
from engine.core.clock import rfc3339
from engine.core.records import Job, Run, Transition

OPEN_LINE_BYTES = 1 << 20


class JsonLines:
    """The stream of the contract. In it `job` is a job's id, in every line that speaks of one.

    The `text` of a log line holds whole lines with their ends, so that the texts of a step joined are its log;
    a line that the step never ended comes when the step ends, one of more than 1 MiB in pieces.
    """

    def __init__(self, out: BinaryIO | None = None) -> None:
        self._out = out or sys.stdout.buffer
        self._runs: dict[int, Run] = {}
        self._jobs: dict[int, Job] = {}
        self._attempts: dict[int, int] = {}
        self._said: dict[int, str] = {}  # run id: its last status
        self._open: dict[int, tuple[int, int, bytes]] = {}

    def run_added(self, run: Run, jobs: tuple[Job, ...], needs: Mapping[str, tuple[str, ...]]) -> None:
        self._runs[run.id] = run
        for job in jobs:
            self.job_added(job)
        self._run_line(run.id, str(run.status), run.created_at)

    def job_added(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._attempts.setdefault(job.id, job.attempts)

    def steps(self, job_id: int, attempt: int, names: Sequence[str]) -> None:
        """Steps are told by their transitions alone."""

    def step_tolerated(self, job_id: int, step: int) -> None:
        """The status of a job says what its steps did to it."""

    def transition(self, t: Transition) -> None:
        if t.noun == "run" and t.run_id in self._runs:
            self._run_line(t.run_id, t.to_status, t.at)
        elif t.noun == "job" and t.job_id in self._jobs:
            self.flush_open(t.job_id)
            if t.to_status == "running":
                self._attempts[t.job_id] = t.attempt or self._attempts[t.job_id] + 1
            line = {
                "type": "job",
                "run": t.run_id,
                "id": t.job_id,
                "job": t.job_id,
                "name": t.name or self._jobs[t.job_id].name,
            }
            line |= {
                "attempt": t.attempt or self._attempts[t.job_id],
                "from": t.from_status or None,
                "status": t.to_status,
            }
            self._emit(line | {"at": rfc3339(t.at), "reason": t.reason})
        elif t.noun == "step" and t.job_id in self._jobs:
            if t.to_status != "running":
                self.flush_open(t.job_id, t.step)
            line = {"type": "step", "job": t.job_id, "attempt": t.attempt, "index": t.step, "name": t.name}
            self._emit(line | {"status": t.to_status, "exit_code": t.exit_code, "at": rfc3339(t.at)})

    def log(self, job: Job, attempt: int, step: int, data: bytes) -> None:
        was_attempt, was_step, start = self._open.pop(job.id, (attempt, step, b""))
        if start and (was_attempt, was_step) != (attempt, step):
            self._text(job.id, was_attempt, was_step, start)
            start = b""
        data = start + data
        end = data.rfind(b"\n") + 1
        if len(data) - end > OPEN_LINE_BYTES:
            end = len(data)
        if end < len(data):
            self._open[job.id] = (attempt, step, data[end:])
        if end:
            self._text(job.id, attempt, step, data[:end])

    def tick(self) -> None:
        """Nothing waits for time to pass: every line is written at once."""

    def finished(self, result: Result) -> None:
        for job_id in list(self._open):
            self.flush_open(job_id)
        self._emit(result.as_json())

    def close(self) -> None:
        self._out.flush()

    def _run_line(self, run_id: int, status: str, at: datetime) -> None:
        if self._said.get(run_id) == status:
            return
        self._said[run_id] = status
        run = self._runs[run_id]
        line = {"type": "run", "id": run.id, "number": run.number, "workflow": run.workflow_name}
        self._emit(line | {"status": status, "at": rfc3339(at)})

    def flush_open(self, job_id: int, step: int | None = None) -> None:
        """Write the line that a job (or one step of it) has not ended."""
        left = self._open.get(job_id)
        if left and step in (None, left[1]):
            del self._open[job_id]
            self._text(job_id, *left)

    def _text(self, job_id: int, attempt: int, step: int, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        self._emit({"type": "log", "job": job_id, "attempt": attempt, "step": step, "text": text})

    def _emit(self, line: dict[str, Any]) -> None:
        self._out.write(json.dumps(line).encode() + b"\n")
        self._out.flush()
