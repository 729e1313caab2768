"""A whole engine over a repository of its own, for tests of what runs: jobs are real, on this machine or in Docker."""

import subprocess
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.bus import Bus, Listener
from engine.control.asks import commands, intake
from engine.core.clock import SystemClock
from engine.core.records import Attempt, Job, Run, Step
from engine.core.states import JOB_FINAL, RUN_FINAL
from engine.engine import Engine, executors_of
from engine.git import repository
from engine.home import HomeLock
from engine.settings.live import LiveSettings
from engine.settings.model import Settings
from engine.store.store import Store, open_store
from engine.worker.executor import Executor
from engine.worker.executors import Executors

WORKFLOW = ".github/workflows/ci.yml"
PATIENCE_S = 60.0


@dataclass
class Works:
    """One home with its engine. `run` takes the text of a workflow, from `jobs:` on, or of one job's `steps:`."""

    root: Path
    settings: Settings
    executor: str = "host"
    fake: Executor | None = None
    request: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.store: Store = open_store(self.settings.home, create=True)
        self.repo_root = self.root / "site"
        if not self.repo_root.exists():
            self.repo_root.mkdir()
            (self.repo_root / "hello.txt").write_text("hello\n")
            repository.start_repository(self.repo_root, "Begin", self.clock.now())
        self.bus = Bus()
        self.news: Listener = self.bus.listen("news", "log")
        self.executors = executors_of(self.settings, self.store)
        if self.fake is not None:
            fake = self.fake
            self.executors = Executors({"docker": lambda: fake, "host": lambda: fake}, self._known)
        self.engine: Engine | None = None

    def _known(self) -> set[str]:
        return {attempt.box_id for attempt in self.store.queries.running()}

    def start(self) -> "Works":
        lock = HomeLock(self.settings.home)
        assert lock.take()
        self.engine = Engine(LiveSettings(self.settings), self.store, lock, self.bus, self.executors).start()
        return self

    def stop(self) -> None:
        engine, self.engine = self.engine, None
        if engine is not None:
            engine.stop()

    def close(self) -> None:
        self.stop()
        self.executors.close()
        self.store.close()

    # -- asking -----------------------------------------------------------------------------------------------------

    def write(self, files: Mapping[str, str]) -> None:
        """Put files into the repository's working tree."""
        for name, text in files.items():
            path = self.repo_root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def record(self, text: str, **request: Any) -> int:
        """Record a run of a workflow; the engine takes it from there."""
        self.write({WORKFLOW: workflow(text)})
        repo = repository.discover(self.repo_root)
        assert repo is not None
        given = {"executor": self.executor, "actor": "ada", **self.request, **request}
        prepared = intake.prepare(self.store, intake.LocalRequest(repo=repo, **given))
        [run_id] = intake.record(self.store, prepared, "ada", self.clock)
        self.bus.wake("schedule")
        return run_id

    def run(self, text: str, **request: Any) -> "Ended":
        """Run a workflow to its end."""
        return self.ended(self.record(text, **request))

    def cancel(self, run_id: int) -> None:
        commands.cancel(self.store, self.a_run(run_id), "ada")
        self.bus.wake("schedule", "wishes")

    def action(self, name: str, files: Mapping[str, str], tag: str = "v1") -> Path:
        """Make the repository of an action under `mirrors/`, with a tag on its commit; return its folder."""
        folder = self.root / "mirrors" / name
        new = not folder.exists()
        for path, text in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(textwrap.dedent(text))
            place.chmod(0o755 if text.startswith("#!") else 0o644)
        identity = ["-c", "user.name=x", "-c", "user.email=x@x"]
        commands = [["add", "."], ["commit", "-q", "-m", tag], ["tag", "-f", tag]]
        for command in [["init", "-q", "-b", "main"], *commands] if new else commands:
            subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)
        return folder

    # -- waiting ----------------------------------------------------------------------------------------------------

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait until `holds` returns something true, and return it."""
        end_s = self.clock.monotonic_s() + PATIENCE_S
        while not (found := holds()):
            assert self.clock.monotonic_s() < end_s, f"never: {what}"
            self.news.wait(0.05)
        return found

    def ended(self, run_id: int) -> "Ended":
        self.until(lambda: self.a_run(run_id).status in RUN_FINAL, f"run {run_id} ends")
        return Ended(self, run_id)

    def until_said(self, run_id: int, words: str, key: str = "a", attempt: int = 1) -> None:
        """Wait until a job's log holds `words`."""
        job = self.job(run_id, key)
        path = self.store.log_path(run_id, job.id, attempt)
        self.until(lambda: path.exists() and words in path.read_text(errors="replace"), f"{key} says {words!r}")

    def until_final(self, run_id: int, key: str = "a") -> Job:
        self.until(lambda: self.job(run_id, key).status in JOB_FINAL, f"{key} ends")
        return self.job(run_id, key)

    # -- looking ----------------------------------------------------------------------------------------------------

    def a_run(self, run_id: int) -> Run:
        run = self.store.queries.run(run_id)
        assert run is not None
        return run

    def job(self, run_id: int, name: str) -> Job:
        return next(job for job in self.store.queries.jobs(run_id) if name in (job.name, job.key))


@dataclass
class Ended:
    """A run that has ended; the job asked about is `a` unless another is named."""

    works: Works
    run_id: int

    @property
    def status(self) -> str:
        return str(self.works.a_run(self.run_id).status)

    def job(self, name: str = "a") -> Job:
        return self.works.job(self.run_id, name)

    @property
    def statuses(self) -> dict[str, str]:
        return {job.name: str(job.status) for job in self.works.store.queries.jobs(self.run_id)}

    def attempts(self, name: str = "a") -> list[Attempt]:
        return self.works.store.queries.attempts(self.job(name).id)

    def steps(self, name: str = "a", attempt: int = -1) -> list[Step]:
        return self.works.store.queries.steps(self.attempts(name)[attempt].id)

    def ends(self, name: str = "a") -> list[str]:
        """How each step ended: its status, with its conclusion where that is another word."""
        return [str(step.status) for step in self.steps(name)]

    def annotations(self, name: str = "a") -> list[tuple[str, str]]:
        found = self.works.store.queries.annotations(self.attempts(name)[-1].id)
        return [(one["level"], one["message"]) for one in found]

    def errors(self, name: str = "a") -> list[str]:
        return [message for level, message in self.annotations(name) if level == "error"]

    def warnings(self, name: str = "a") -> list[str]:
        return [message for level, message in self.annotations(name) if level == "warning"]

    def log(self, name: str = "a", attempt: int = 0) -> str:
        """The whole log, however it is stored by now."""
        from engine.store.logs.reader import LogReader

        job = self.job(name)
        with LogReader(self.works.store.log_path(self.run_id, job.id, attempt or job.attempts)) as reader:
            return reader.read(0, reader.size).decode()

    def said(self, name: str = "a", attempt: int = 0) -> list[str]:
        """What the steps themselves printed: lines of the log that begin with `> `."""
        return [line[2:] for line in self.log(name, attempt).splitlines() if line.startswith("> ")]


def workflow(text: str) -> str:
    """Return a whole workflow, made of one from `jobs:` on, or of the `steps:` (and more keys) of one job `a`."""
    text = textwrap.dedent(text).strip("\n")
    if "\njobs:" not in f"\n{text}":
        text = "jobs:\n  a:\n    runs-on: here\n" + textwrap.indent(text, "    ")
    if "\non:" not in f"\n{text}":
        text = "on: push\n" + text
    return text + "\n"
