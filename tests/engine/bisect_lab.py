"""A search without workers: a real repository and store, and the test says how each trial ends."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.control.bisecting.bisector import Bisector
from engine.core.bisect_records import Bisect
from engine.core.records import Job
from engine.settings.live import LiveSettings
from engine.settings.model import Settings
from engine.store.queue import StepNews
from tests.engine.fakes import Lab, jobs

PATH = ".github/workflows/ci.yml"


@dataclass
class BisectLab:
    """A repository with `length` commits, the first of which is green and the last red; the job is `a`."""

    lab: Lab
    root: Path
    length: int = 6
    text: str = field(default_factory=lambda: f"on: push\n{jobs(a='')}")

    def __post_init__(self) -> None:
        (self.root / PATH).parent.mkdir(parents=True)
        (self.root / PATH).write_text(self.text)
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.shas = [""]
        for number in range(1, self.length + 1):
            self.git("commit", "-q", "--allow-empty", "-m", f"Commit {number}")
            self.shas.append(self.git("rev-parse", "HEAD"))
        self.bisector = Bisector(
            self.lab.store, LiveSettings(Settings(self.lab.store.home)), self.lab.bus, self.lab.clock
        )

    def git(self, *line: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        done = subprocess.run(["git", *identity, *line], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def ran(self, number: int, *, good: bool, repo: str = "acme/app", **new: Any) -> Job:
        """Record an ordinary run of a commit, and be its worker; return its job."""
        source = {"root": str(self.root), "sha": self.shas[number]}
        run_id = self.lab.run(self.text, repo, sha=self.shas[number], source=source, **new)
        self.work(good=good)
        return self.lab.named(run_id, "a")

    def green_then_red(self) -> Job:
        self.ran(1, good=True)
        return self.ran(self.length, good=False)

    def work(self, *, good: bool) -> int:
        """Be the worker of what is next in the queue; return its run."""
        lease, now = self.lab.start(), self.lab.clock.now()
        self.lab.store.queue.begin(lease, ["Test"], None)
        self.lab.store.queue.steps(lease, [StepNews(0, "started", now)])
        cause, code = ("succeeded", 0) if good else ("failed", 1)
        news = StepNews(0, cause, now, exit_code=code, conclusion="success" if good else "failure")
        self.lab.store.queue.steps(lease, [news])
        (self.lab.finish if good else self.lab.fail)(lease)
        self.lab.tick()
        return lease.run_id

    def turn(self) -> None:
        """Let the search go on as far as it can, and have it heard."""
        self.bisector.turn()
        self.lab.tick()
        self.lab.bus.wake("news")

    def try_all(self, bisect_id: int, culprit: int) -> Bisect:
        """Be bisector and worker to the end."""
        self.turn()
        while (trial := self.now(bisect_id).open_trial) is not None:
            self.work(good=self.shas.index(trial.sha) < culprit)
            self.turn()
        return self.now(bisect_id)

    def now(self, bisect_id: int) -> Bisect:
        found = self.lab.store.bisects.get(bisect_id)
        assert found is not None
        return found
