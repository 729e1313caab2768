"""The `treadle` command in real processes, over a repository and a home of its own."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.clock import SystemClock
from engine.git.repository import start_repository

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60


@dataclass
class Treadle:
    """Calls the command line in `repo`. `options` are given to every `run`."""

    folder: Path
    options: tuple[str, ...] = ("--executor", "host")
    config: str = "grace: 1s\nworkers: 2\n"
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.home.mkdir()
        (self.home / "treadle.yml").write_text(f"listen: 127.0.0.1:0\n{self.config}")  # no port is fought for
        self.repo = self.folder / "repo"
        self.repo.mkdir()
        (self.repo / "hello.txt").write_text("hello\n")
        start_repository(self.repo, "Begin", SystemClock().now())
        self.environment = {**os.environ, "TREADLE_HOME": str(self.home), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}

    def write(self, text: str, name: str = "ci.yml") -> None:
        """Write a workflow; `on: push` is added where it is missing."""
        text = textwrap.dedent(text)
        path = self.repo / ".github/workflows" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if "on:" in text.split("jobs:")[0] else f"on: push\n{text}")

    def call(self, *line: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            self._line(line), cwd=more.pop("cwd", self.repo), env={**self.environment, **more.pop("env", {})},
            capture_output=True, text=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip

    def run(self, *line: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.call("run", *self.options, *line, **more)

    def start(self, *line: str) -> "Started":
        """Start `treadle run --json` and go on."""
        process = subprocess.Popen(
            self._line(("run", "--json", *self.options, *line)), cwd=self.repo, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.processes.append(process)
        return Started(process)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    @staticmethod
    def _line(line: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "app.cli.main", *line]


@dataclass
class Started:
    """A `treadle run --json` that runs, and what it has said so far."""

    process: "subprocess.Popen[str]"
    said: list[dict[str, Any]] = field(default_factory=list)

    def lines(self) -> "list[dict[str, Any]]":
        """Read to the end."""
        out, self.errors = self.process.communicate(timeout=PATIENCE_S)
        self.said += [json.loads(line) for line in out.splitlines()]
        return self.said

    def until_log(self, words: str) -> None:
        """Read until the logs so far hold `words`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(json.loads(line))
            if words in self.log():
                return
        assert self.process.stderr is not None
        raise AssertionError(f"never {words!r}: {self.log()} {self.process.stderr.read()}")

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    @property
    def result(self) -> dict[str, Any]:
        """The last line, once all is over."""
        last = self.lines()[-1]
        assert last["type"] == "result", last
        return last

    def log(self) -> str:
        return "".join(line["text"] for line in self.said if line["type"] == "log")
