"""`treadle --headless` in a process of its own, over a home and a repository whose steps leave marks."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.client import Client
from engine.core.clock import SystemClock
from engine.core.errors import EngineError
from engine.core.states import JOB_FINAL, RUN_FINAL
from engine.git.repository import start_repository
from tests.faults.plant import DO, NAME

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 100.0


@dataclass
class Machine:
    """One home. `config` is added to its treadle.yml, `workflows` are by name, `env` is the engine's own."""

    folder: Path
    workflows: Mapping[str, str]
    config: str = ""
    label: str = "host"
    env: Mapping[str, str] = field(default_factory=dict)
    home: Path = Path()
    process: "subprocess.Popen[str] | None" = None

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.effects_folder = self.folder / "effects"
        self.effects_folder.mkdir(parents=True)
        (self.effects_folder / "do").write_text(DO)
        site = self.folder / "site"
        (site / ".github/workflows").mkdir(parents=True)
        for name, text in self.workflows.items():
            (site / f".github/workflows/{name}.yml").write_text(text)
        start_repository(site, "Begin", self.clock.now())
        if self.home == Path():
            self.home = self.folder / "home"
        self.home.mkdir(exist_ok=True)
        (self.home / "treadle.yml").write_text(
            f"listen: 127.0.0.1:0\nworkers: 2\ngrace: 1s\nlabels: {{here: '{self.label}'}}\n"
            f"vars: {{E: '{self.effects_folder}'}}\n{self.config}\n"
            f"repos: [{{name: {NAME}, url: '{site}', allow_host: true}}]\n"
        )
        self.said = self.folder / "said"

    @property
    def line(self) -> list[str]:
        return [sys.executable, "-m", "app.cli.main", "--headless", "--home", str(self.home)]

    def start(self) -> "Machine":
        """Start an engine, and return when it listens."""
        with self.said.open("a") as out:
            self.process = subprocess.Popen(
                self.line, cwd=ROOT, env={**os.environ, **self.env}, stdout=out, stderr=out, text=True
            )
        self.until(self.answers, "the engine answers")
        self.client = Client.of_home(self.home)
        return self

    def answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.said.read_text()[-2000:]
        try:
            Client.of_home(self.home).get("/runs")
        except EngineError:
            return False
        return True

    def end(self, number: int = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(number)
            process.wait(20)

    def until(self, holds: Any, what: str) -> Any:
        pause, end_s = threading.Event(), self.clock.monotonic_s() + PATIENCE_S
        while not (found := holds()):
            assert self.clock.monotonic_s() < end_s, f"never: {what}\n{self.said.read_text()[-2000:]}"
            pause.wait(0.05)
        return found

    # -- asking and looking -----------------------------------------------------------------------------------------

    def dispatch(self, workflow: str) -> int:
        body = {"repo": NAME, "workflow": f"{workflow}.yml"}
        return int(self.client.post("/runs", body, {"wait": 60})["id"])

    def run(self, run: int) -> Any:
        return self.client.get(f"/runs/{run}")

    def job(self, run: int) -> Any:
        """The run's one job, with its attempts."""
        return self.client.get(f"/jobs/{self.run(run)['jobs'][0]['id']}")

    def ended(self, run: int) -> Any:
        self.until(lambda: self.run(run)["status"] in RUN_FINAL, f"run {run} ends")
        job = self.job(run)
        assert job["status"] in JOB_FINAL
        return job

    def log(self, run: int) -> str:
        return bytes(self.client.read(f"/jobs/{self.job(run)['id']}/logs")).decode()

    def open(self, gate: str) -> None:
        (self.effects_folder / gate).touch()

    def effects(self) -> Counter[str]:
        path = self.effects_folder / "effects"
        return Counter(path.read_text().splitlines() if path.exists() else [])

    def until_begun(self, name: str) -> None:
        self.until(lambda: any(line.endswith(f" {name}") for line in self.effects()), f"{name} begins")
