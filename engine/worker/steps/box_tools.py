"""Small scripts of Treadle's own, run in the box as part of whatever step needs them. Nothing here trusts the box."""

import shlex
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from engine.worker.executor import Box
from engine.worker.steps.hash_files import hash_files
from engine.worker.steps.job_state import JobState
from engine.worker.steps.outcome import StepStopped
from engine.worker.steps.script import StepScript
from engine.worker.steps.script_runner import ScriptRunner
from engine.worker.steps.session import Session
from pipelines.values import to_string

HOME_BYTES = 4096
NOTHING: Mapping[str, str] = {}


class BoxTools:
    """The scripts of one attempt. All raise StepStopped when the step is ended in the middle of one."""

    def __init__(self, box: Box, session: Session, scripts: ScriptRunner, state: JobState) -> None:
        self.box = box
        self._session = session
        self._scripts = scripts
        self._state = state

    def run(self, script: str, env: Mapping[str, str] = NOTHING) -> int:
        """Run a POSIX sh script and return its exit code; its output is logged. Values go in by `env` only."""
        return self._run(self._state.next_script(), script, env)

    def capture(self, script: str, env: Mapping[str, str], limit_bytes: int) -> tuple[int, bytes]:
        """Run a script; return its exit code and what it printed on stdout, cut to `limit_bytes` + 1."""
        number = self._state.next_script()
        name = f"{number}.captured"
        self._session.write_file(name)
        to = shlex.quote(self._session.inside("file", name))
        code = self._run(number, f"exec 3>&1 >{to}\n{script}", env)
        return code, self._session.read_file(name, limit_bytes) or b""

    def hand(self, data: bytes) -> str:
        """Put bytes into a file that the box can read; return where it sees it."""
        name = f"{self._state.next_script()}.handed"
        self._session.write_file(name, data)
        return self._session.inside("file", name)

    @cached_property
    def home_dir(self) -> str:
        """HOME as the box has it."""
        _, data = self.capture('printf %s "$HOME"', NOTHING, HOME_BYTES)
        return data.decode("utf-8", "replace") or "/root"

    def hash_files(self, *patterns: Any) -> str:
        """Work out `hashFiles()`. Raises ExpressionError."""
        wanted = [to_string(pattern) for pattern in patterns]
        return hash_files(wanted, self.box.workspace, lambda: self.home_dir, self.capture, self.hand)

    def _run(self, number: int, script: str, env: Mapping[str, str]) -> int:
        end = self._scripts.run(StepScript(number, ("sh", "-e", "{0}"), script, env, self.box.workspace))
        if end.ended_by:
            raise StepStopped(end)
        return end.exit_code
