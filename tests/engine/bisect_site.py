"""A repository with a history, its home and its engine: for tests of searches in it."""

import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from engine.control.asks import intake
from engine.control.bisecting import start as bisect_start
from engine.core.bisect_records import Bisect
from engine.core.records import Job
from engine.core.states import BisectStatus
from engine.git import repository
from tests.engine.works import WORKFLOW, Works

CI = """
    on: push
    concurrency: {group: ci, cancel-in-progress: true}
    jobs:
      build:
        runs-on: here
        outputs: {word: "${{ steps.say.outputs.word }}"}
        steps:
          - uses: actions/checkout@v4
          - {id: say, run: 'echo "word=$(cat word.txt)" >> "$GITHUB_OUTPUT"'}
      test:
        needs: build
        runs-on: here
        concurrency: tests
        strategy: {matrix: {os: [a, b]}}
        steps:
          - uses: actions/checkout@v4
          - name: Test
            run: '[ "${{ matrix.os }}" = b ] || [ "${{ needs.build.outputs.word }}" != broken ]'
      other:
        runs-on: here
        steps: [{run: "exit 1"}]
    """


@dataclass
class History:
    """Commits of the repository of `works`, by their subjects."""

    works: Works
    label: str = ""

    def __post_init__(self) -> None:
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")
        self.shas: dict[str, str] = {}

    def git(self, *line: str) -> str:
        done = subprocess.run(["git", *line], cwd=self.works.repo_root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, subject: str, files: Mapping[str, str] | None = None) -> str:
        """Commit files (None: an empty commit); return the commit."""
        self.works.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        self.shas[subject] = self.git("rev-parse", "HEAD")
        return self.shas[subject]

    def line(self, length: int, culprit: int, ci: str = CI) -> None:
        """Commit 1 … `length`, where `culprit` breaks the job `test (a)`; the first brings the workflow."""
        for number in range(1, length + 1):
            files = {WORKFLOW: textwrap.dedent(ci), "word.txt": "fine\n"} if number == 1 else {}
            files |= {"word.txt": "broken\n"} if number == culprit else {}
            self.commit(f"Commit {number}", {**files, "number.txt": f"{number}\n"})

    def run_tree(self) -> int:
        """Run the working tree as it is, to its end; return the run."""
        return self.run(None)

    def run(self, rev: str | None = "main") -> int:
        """Run what a push of a commit would, to its end; return the run."""
        repo = repository.discover(self.works.repo_root)
        assert repo is not None
        asked = intake.LocalRequest(
            repo=repo,
            rev=self.shas.get(rev or "", rev),
            executor=self.works.executor,
            actor="ada",
            **self.works.request,
        )
        prepared = intake.prepare(self.works.store, asked)
        [run_id] = intake.record(self.works.store, prepared, "ada", self.works.clock)
        self.works.bus.wake("schedule")
        self.works.ended(run_id)
        return run_id

    def green_then_red(self) -> Job:
        """Run the first commit and the last; return the job that broke."""
        self.run("Commit 1")
        return self.works.job(self.run(), "test (a)")

    def bisect(self, job: Job, good: str | None = None, bad: str | None = None) -> int:
        good, bad = (None if rev is None else self.shas.get(rev, rev) for rev in (good, bad))
        proposal = bisect_start.propose(self.works.store, job, good, bad)
        bisect_id = bisect_start.start(self.works.store, proposal, "ada", self.works.clock)
        self.works.bus.wake("news")
        return bisect_id

    def now(self, bisect_id: int) -> Bisect:
        found = self.works.store.bisects.get(bisect_id)
        assert found is not None
        return found

    def ended(self, bisect_id: int) -> Bisect:
        self.works.until(lambda: self.now(bisect_id).status is not BisectStatus.RUNNING, f"bisect {bisect_id} ends")
        return self.now(bisect_id)

    def tried(self, known: Bisect) -> list[tuple[str, str]]:
        """What was tried, by subject, and what it was; `again` and `ordinary` where that is so."""
        return [
            (one.subject, " ".join(filter(None, [str(one.verdict), "again" * one.again, "ordinary" * one.ordinary])))
            for one in known.trials
        ]
