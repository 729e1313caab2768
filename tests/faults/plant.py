"""A whole engine that a story is played on, in a process that may be killed at any of its writes.

What a story asks for is written so that it can be asked again: whoever was killed before the answer asks once more.
"""

import json
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from app.server.main import Server
from engine.control.asks import commands
from engine.control.asks.retries import ALL, Again, retry
from engine.control.bisecting import start as bisect_start
from engine.core.bisect_records import Bisect
from engine.core.clock import SystemClock
from engine.core.errors import EngineError
from engine.core.records import Job, Run
from engine.core.states import JOB_FINAL, RUN_FINAL, BisectStatus
from engine.doorbell import ring
from engine.home import HomeLock
from engine.settings.model import EnvironmentSettings, RepoSettings, Settings
from engine.store.inbox import PLANNED, Arrival
from engine.store.logs.reader import LogReader
from engine.store.store import open_store
from engine.store.tables.runs import TransitionRow

NAME = "team/site"
ZERO = "0" * 40
PATIENCE_S = 60.0
DO = """#!/bin/sh
# do NAME [GATE]: one step, alone in its job, noted; with a gate it waits until that is open
if command -v flock >/dev/null; then
  exec 9>"$E/lock-$TREADLE_JOB_ID"
  flock -n 9 || echo "twice $TREADLE_JOB_ID $1" >>"$E/effects"
else  # a small image, in whose boxes nothing is killed before it has done
  mkdir "$E/lock-$TREADLE_JOB_ID" || echo "twice $TREADLE_JOB_ID $1" >>"$E/effects"
  trap 'rmdir "$E/lock-$TREADLE_JOB_ID"' EXIT
fi
echo "$TREADLE_JOB_ID $TREADLE_ATTEMPT $1" >>"$E/effects"
echo "> $1"
[ -z "$2" ] || until [ -e "$E/$2" ]; do sleep .02; done
"""


@dataclass
class Plant:
    """The place of one story: `root` holds the repository `site`, the `home` and `effects`, where steps leave theirs.

    A subclass is a story: its workflows, what happens (`play`), and how many runs each event comes to.
    """

    root: Path
    workers: ClassVar[int] = 3
    label: ClassVar[str] = "host"
    files: ClassVar[Mapping[str, str]] = {}
    environments: ClassVar[Mapping[str, EnvironmentSettings]] = {}
    seconds: ClassVar[float] = PATIENCE_S
    clock: SystemClock = field(default_factory=SystemClock)

    # -- making it --------------------------------------------------------------------------------------------------

    def make(self) -> None:
        """Lay out the repository and the home, once for all plays of this story."""
        effects, site = self.root / "effects", self.root / "site"
        effects.mkdir(parents=True)
        site.mkdir()
        (effects / "do").write_text(DO)
        self.git("init", "-q", "-b", "main")
        self.commit("Begin", {**self.files, "hello.txt": "hello\n"})

    def copy_to(self, root: Path) -> "Plant":
        """Return the same place elsewhere, before anything has happened."""
        shutil.copytree(self.root, root, symlinks=True)
        return type(self)(root)

    def git(self, *line: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        command = ["git", *identity, *line]
        return subprocess.run(
            command, cwd=self.root / "site", check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, subject: str, files: Mapping[str, str]) -> str:
        for name, text in files.items():
            path = self.root / "site" / (name if "." in name else f".github/workflows/{name}.yml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    # -- playing it -------------------------------------------------------------------------------------------------

    def settings(self) -> Settings:
        return Settings(
            self.root / "home", workers=self.workers, labels={"here": self.label}, grace_s=5.0,
            environments=self.environments, vars={"E": str(self.root / "effects")},
            repos=(RepoSettings(NAME, str(self.root / "site"), allow_host=True),),
        )  # fmt: skip

    def run_to_the_end(self) -> None:
        """Be the engine and the person; return when all is over and everything is given back."""
        home = self.root / "home"
        self.store = open_store(home, create=True)
        lock = HomeLock(home)
        assert lock.take()
        server = Server(self.settings(), self.store, lock, tcp=False).start()
        try:
            self.end_s = self.clock.monotonic_s() + self.seconds
            self.play()
            self.until(lambda: self.over, "all is over")
            self.until(lambda: not list((home / "work").iterdir()), "all boxes are gone")
        finally:
            server.stop()
        (self.root / "end.json").write_text(json.dumps({"told": self.told(), "keys": self.keys()}))
        self.store.close()

    def play(self) -> None:
        """What the person does, and waits for."""
        raise NotImplementedError

    @property
    def over(self) -> bool:
        events = all(event.status == PLANNED for event in self.store.inbox.list())
        return events and all(run.status in RUN_FINAL for run in self.runs)

    # -- asking -----------------------------------------------------------------------------------------------------

    def push(self, delivery: str, workflow: str, **more: Any) -> Run:
        """Have a push come in, and be planned; return the run that a workflow came to by it."""
        payload = {"ref": "refs/heads/main", "before": ZERO, "after": self.git("rev-parse", "main"), **more}
        return self.came("push", delivery, payload, workflow)

    def pull(self, delivery: str, workflow: str) -> Run:
        """Have a stranger's pull request come in."""
        sha = self.git("rev-parse", "main")
        base = {"ref": "main", "sha": sha, "repo": {"full_name": NAME}}
        head = {"ref": "patch", "sha": sha, "repo": {"full_name": "eve/site"}}
        pull = {"number": 5, "title": "Do it", "user": {"login": "eve"}, "head": head, "base": base}
        self.git("update-ref", "refs/pull/5/head", sha)
        return self.came("pull_request", delivery, {"action": "opened", "number": 5, "pull_request": pull}, workflow)

    def came(self, kind: str, delivery: str, payload: Mapping[str, Any], workflow: str) -> Run:
        told = {"repository": {"full_name": NAME, "default_branch": "main"}, "sender": {"login": "eve"}, **payload}
        kept = {"forge": "github", "event": kind, "delivery_id": delivery, "payload": told}
        arrival = Arrival(self.store.runs.repo(NAME, ""), delivery, kind, "github", {"event": kept})
        [(event, _)] = self.store.inbox.accept([arrival], self.clock.now())
        ring(self.store.home)
        self.until(lambda: self.planned(event), f"{delivery} is planned")
        return next(run for run in self.runs_of(event) if run.workflow_path.endswith(f"/{workflow}.yml"))

    def planned(self, event: int) -> bool:
        found = self.store.inbox.get(event)
        return found is not None and found.status == PLANNED

    def again(self, run: Run, attempt: int, how: Again = ALL) -> None:
        """Run a run again that has ended, so that it is its nth attempt."""
        if self.now(run).attempt < attempt:
            self.ended(run)
            retry(self.store, self.now(run), how, "ada")

    def job_again(self, run: Run, key: str, again: Again) -> None:
        if self.now(run).attempt < 2:
            self.ended(run)
            retry(self.store, self.job(run, key), again, "ada")

    def cancel(self, target: Run | Job) -> None:
        """Wish once, whatever is killed meanwhile: who asks again has it ended at once."""
        known = self.now(target) if isinstance(target, Run) else self.store.queries.job(target.id)
        if known is not None and known.cancel_asked_at is None:
            with suppress(EngineError):  # it has ended
                commands.cancel(self.store, target, "ada")

    def approve(self, target: Run | Job) -> None:
        with suppress(EngineError):
            commands.approve(self.store, target, "ada")

    def open(self, gate: str) -> None:
        (self.root / "effects" / gate).touch()

    # -- waiting ----------------------------------------------------------------------------------------------------

    def until(self, holds: Callable[[], object], what: str) -> None:
        pause = threading.Event()
        while not holds():
            assert self.clock.monotonic_s() < self.end_s, f"never: {what}; {self.told()}"
            pause.wait(0.01)

    def ended(self, run: Run) -> Run:
        self.until(lambda: self.now(run).status in RUN_FINAL, f"run {run.id} ends")
        return self.now(run)

    def until_done(self, *names: str) -> None:
        """Wait until these steps have begun."""
        self.until(lambda: {line.split()[-1] for line in self.effects()} >= set(names), f"{names} begin")

    def until_job(self, run: Run, key: str, *statuses: str) -> Job:
        """Wait until a job is, or has gone beyond what it is asked to be."""
        wanted = {*statuses, *map(str, JOB_FINAL)}
        self.until(lambda: self.job(run, key).status in wanted, f"{key} is {' or '.join(statuses)}")
        return self.job(run, key)

    # -- looking ----------------------------------------------------------------------------------------------------

    @property
    def runs(self) -> list[Run]:
        return self.store.queries.runs(limit=1000)[::-1]

    def runs_of(self, event: int) -> list[Run]:
        ids = {row[0] for row in self.store.database.rows("SELECT id FROM run WHERE event_id = ?", (event,))}
        return [run for run in self.runs if run.id in ids]

    def now(self, run: Run) -> Run:
        found = self.store.queries.run(run.id)
        assert found is not None
        return found

    def job(self, run: Run, key: str) -> Job:
        return next(job for job in self.store.queries.jobs(run.id) if key in (job.key, job.name))

    def bisects(self) -> list[Bisect]:
        return self.store.bisects.newest()[::-1]

    def said(self, run: int, job: int, attempt: int) -> list[str]:
        """What the steps themselves said in an attempt: the lines that begin with `> `."""
        path = self.store.log_path(run, job, attempt)
        with LogReader(path) as log:
            lines = log.read(0, log.size).decode().splitlines()
        return [line[2:] for line in lines if line.startswith("> ")]

    def told(self) -> dict[str, Any]:
        """How it all ended: what is the same whether there was a kill or not, by what is the same in every play."""
        runs = {}
        for run in self.runs:
            jobs = {}
            for job in self.store.queries.jobs(run.id):
                attempts = self.store.queries.attempts(job.id)
                jobs[job.name] = {
                    "status": str(job.status),
                    "attempts": [str(one.status) for one in attempts],
                    "said": [self.said(run.id, job.id, one.number) for one in attempts],
                    "steps": [[str(s.status) for s in self.store.queries.steps(one.id)] for one in attempts],
                }
            runs[str(run.id)] = {"workflow": run.workflow_path, "status": str(run.status), "jobs": jobs}
        return {
            "runs": runs,
            "bisects": [str(one.status) for one in self.bisects()],
            "events": len(self.store.inbox.list()),
        }

    def keys(self) -> list[tuple[str, str, str]]:
        """Return what was written, in order, each kind of change once: its noun, from what, and why."""
        columns = (TransitionRow.noun, TransitionRow.from_status, TransitionRow.cause)
        rows = TransitionRow.select(*columns).order_by(TransitionRow.sequence).tuples()
        return list(dict.fromkeys((noun, before, cause) for noun, before, cause in rows))

    def effects(self) -> Counter[str]:
        path = self.root / "effects" / "effects"
        return Counter(path.read_text().splitlines() if path.exists() else [])


def search(plant: Plant, job: Job) -> Bisect:
    """Have the commit looked for that broke a job; return the search."""
    if not plant.bisects():
        bisect_start.start(plant.store, bisect_start.propose(plant.store, job), "ada")
    return plant.bisects()[0]


def until_searched(plant: Plant) -> None:
    plant.until(lambda: plant.bisects()[0].status is not BisectStatus.RUNNING, "the search ends")
