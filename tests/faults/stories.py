"""What happens to runs, jobs, attempts, steps and searches, played by an engine: together every row of the tables.

Each step says by `do` that it ran, in which attempt, and that nobody else ran it meanwhile.
"""

from contextlib import suppress
from textwrap import dedent, indent
from typing import Any, ClassVar

from engine.control.asks.retries import Again
from engine.control.bisecting import start as bisect_start
from engine.core.errors import EngineError
from engine.core.records import Run
from engine.settings.model import EnvironmentSettings
from tests.conftest import BUSYBOX
from tests.faults.plant import Plant, search, until_searched


def workflow(jobs: str, on: str = "push", more: str = "") -> str:
    return f"on: {on}\nenv: {{E: '${{{{ vars.E }}}}'}}\n{more}\njobs:\n{indent(dedent(jobs), '  ')}"


def do(name: str, gate: str = "") -> str:
    """A step that leaves its mark, and waits for a gate."""
    return f"{{run: 'sh $E/do {name} {gate}'}}"


class Push(Plant):
    """Jobs that need each other, are skipped, fail, are tried again; the first has steps of every kind."""

    files: ClassVar = {
        "ci": workflow(f"""
            a: {{runs-on: here, steps: [{do("one")}, {{if: false, run: x}}, {do("two")}]}}
            b: {{runs-on: here, needs: a, steps: [{do("three")}]}}
            c: {{runs-on: here, if: false, needs: a, steps: [{do("never")}]}}
            f:
              runs-on: here
              retry: {{max: 1, backoff: 50ms}}
              steps: [{do("four")}, {{run: exit 3}}, {do("never")}]
            g: {{runs-on: here, needs: f, steps: [{do("never")}]}}
            """)
    }

    def play(self) -> None:
        self.push("d1", "ci")


class Broken(Plant):
    """Conditions that cannot be worked out, of a job, of a step and of the one job that would have called others."""

    files: ClassVar = {
        "ci": workflow(f"""
            a: {{runs-on: here, steps: [{do("one")}, {{if: "fromJSON('x')", run: x}}]}}
            b: {{runs-on: here, if: "fromJSON('x')", steps: [{do("never")}]}}
            c: {{if: "fromJSON('x')", uses: ./.github/workflows/called.yml}}
            """),
        "alone": workflow(f"a: {{runs-on: here, if: \"fromJSON('x')\", steps: [{do('never')}]}}"),
        "called": workflow(f"x: {{runs-on: here, steps: [{do('never')}]}}", "workflow_call"),
    }

    def play(self) -> None:
        self.push("d1", "ci")


class Late(Plant):
    """A job that overruns and is run again with what needs it, and one whose box goes away under it."""

    files: ClassVar = {
        "ci": workflow(f"""
            a:
              runs-on: here
              timeout-minutes: 0.06
              steps:
                - {do("one")}
                - run: 'sh $E/do two "$([ $TREADLE_ATTEMPT != 1 ] || echo never)"'
            b: {{runs-on: here, needs: a, steps: [{do("three")}]}}
            c:
              runs-on: here
              steps: [{do("four")}, {{run: '[ $TREADLE_ATTEMPT != 1 ] || kill -9 $PPID'}}, {do("five")}]
            """)
    }

    def play(self) -> None:
        self.job_again(self.push("d1", "ci"), "a", Again())


class Calls(Plant):
    """Jobs that call a workflow: one that runs, one in which nothing does, one that is not called."""

    files: ClassVar = {
        "ci": workflow("""
            a: {uses: ./.github/workflows/called.yml, with: {go: true}}
            b: {uses: ./.github/workflows/called.yml, with: {go: false}}
            c: {uses: ./.github/workflows/called.yml, if: false}
            """),
        "called": workflow(
            f"x: {{runs-on: here, if: inputs.go, steps: [{do('one')}]}}\n"
            f"y: {{runs-on: here, needs: x, steps: [{do('two')}]}}",
            "{workflow_call: {inputs: {go: {type: boolean}}}}",
        ),
    }

    def play(self) -> None:
        self.push("d1", "ci")


GROUP = "concurrency: one"


class Turns(Plant):
    """Runs that take turns: one waits, one that waits is cancelled, and what has ended takes its turn once more."""

    files: ClassVar = {
        "ci": workflow(f"a: {{runs-on: here, steps: [{do('one', 'gate')}]}}", more=GROUP),
        "red": workflow("a: {runs-on: here, steps: [{run: exit 1}]}", "{push: {branches: [x]}}", GROUP),
    }

    def play(self) -> None:
        first = self.push("d1", "ci")
        self.until_job(first, "a", "running")
        second = self.push("d2", "ci")
        third = self.push("d3", "ci")  # in whose favour the second is cancelled
        self.ended(second)
        self.open("gate")
        self.ended(third)
        self.again(first, 2)
        self.ended(first)
        self.again(second, 2)  # which was cancelled


class TurnsAgain(Plant):
    """What failed or was skipped takes its turn once more; a job that was red is not wanted any more."""

    files: ClassVar = {
        "red": workflow(
            f"""
            a: {{runs-on: here, steps: [{do("one")}]}}
            b: {{runs-on: here, if: github.run_attempt == 1, needs: a, steps: [{{run: exit 1}}]}}
            """,
            more="concurrency: red",
        ),
        "none": workflow(f"a: {{runs-on: here, if: false, steps: [{do('never')}]}}", more="concurrency: none"),
    }

    def play(self) -> None:
        red = self.push("d1", "red")
        none = next(run for run in self.runs if run.workflow_path.endswith("none.yml"))
        self.again(red, 2, Again(failed=True))
        self.again(none, 2)


class Strangers(Plant):
    """Pull requests of strangers: let go, let go into a group, and ended."""

    files: ClassVar = {
        "plain": workflow(f"a: {{runs-on: here, steps: [{do('one')}]}}", "pull_request"),
        "group": workflow(f"a: {{runs-on: here, steps: [{do('two')}]}}", "pull_request", "concurrency: g"),
        "no": workflow(f"a: {{runs-on: here, steps: [{do('never')}]}}", "pull_request"),
    }

    def play(self) -> None:
        runs = [self.pull("d1", name) for name in ("plain", "group", "no")]
        self.approve(runs[0])
        self.approve(runs[1])
        self.cancel(runs[2])


class Gates(Plant):
    """Environments: one lets a job in when a person says so, one takes none of this branch, one is never opened."""

    environments: ClassVar = {"live": EnvironmentSettings(approval=True), "old": EnvironmentSettings(branches=("v1",))}
    files: ClassVar = {
        "ci": workflow(f"""
            a: {{runs-on: here, environment: live, steps: [{do("one")}]}}
            b: {{runs-on: here, environment: live, steps: [{do("never")}]}}
            c: {{runs-on: here, environment: old, steps: [{do("never")}]}}
            """)
    }

    def play(self) -> None:
        run = self.push("d1", "ci")
        self.approve(self.until_job(run, "a", "blocked", "queued", "running"))
        self.cancel(self.until_job(run, "b", "blocked"))


class Cancels(Plant):
    """Jobs that are ended while they run, are queued, wait for others, wait to be tried again; with steps left."""

    workers = 2
    files: ClassVar = {
        "ci": workflow(f"""
            a: {{runs-on: here, priority: 9, steps: [{do("one", "never")}, {do("never")}]}}
            b:
              runs-on: here
              priority: 8
              retry: {{max: 1, backoff: 600s}}
              steps: [{{run: exit 1}}]
            h: {{runs-on: here, needs: b, if: always(), steps: [{do("never")}]}}
            c: {{runs-on: here, priority: 5, steps: [{do("two", "never")}]}}
            d: {{runs-on: here, steps: [{do("never")}]}}
            e: {{runs-on: here, needs: a, steps: [{do("never")}]}}
            """)
    }

    def play(self) -> None:
        run = self.push("d1", "ci")
        self.until_job(run, "b", "retrying")
        self.until_done("one", "two")
        self.cancel(run)


class NeverBegun(Plant):
    """A run that is ended before any job of it began, since the one worker is busy."""

    workers = 1
    files: ClassVar = {
        "busy": workflow(f"a: {{runs-on: here, steps: [{do('one', 'gate')}]}}"),
        "ci": workflow(f"a: {{runs-on: here, steps: [{do('never')}]}}", "{push: {tags: ['*']}}"),
    }

    def play(self) -> None:
        busy = self.push("d1", "busy")
        self.until_job(busy, "a", "running")
        self.git("tag", "-f", "v1")
        run = self.push("d2", "ci", ref="refs/tags/v1")
        self.cancel(run)
        self.ended(run)
        self.open("gate")


class Retries(Plant):
    """Runs of every end are run again, and jobs of every end with them."""

    files: ClassVar = {
        "green": workflow(f"a: {{runs-on: here, steps: [{do('one')}]}}"),
        "none": workflow(f"a: {{runs-on: here, if: false, steps: [{do('never')}]}}"),
        "ended": workflow(f"a: {{runs-on: here, steps: [{do('four', 'gate')}]}}"),
    }

    def play(self) -> None:
        green = self.push("d1", "green")
        runs = {run.workflow_path.split("/")[-1][:-4]: run for run in self.runs}
        ended = runs["ended"]
        if self.now(ended).attempt == 1:
            self.until_done("four")
            self.cancel(ended)
        self.again(ended, 2)
        self.open("gate")
        for run in (green, runs["none"]):
            self.again(run, 2)


class Checkpoints(Plant):
    """A job goes on behind the steps that are kept of it, green ones and one that was let fail."""

    files: ClassVar = {
        "ci": workflow(f"""
            a:
              runs-on: here
              checkpoint: true
              steps:
                - {{continue-on-error: true, run: exit 1}}
                - {do("one")}
                - run: '[ -e $E/gate ]'
                - {do("two")}
            """)
    }

    def play(self) -> None:
        run = self.push("d1", "ci")
        self.ended(run)
        self.open("gate")
        self.job_again(run, "a", Again(step=2))


class Boxes(Plant):
    """Jobs in containers, which outlive an engine: of several steps, red and tried again, and one that is cancelled.

    What their steps leave lies in a folder of this machine, mounted by us: no job may ask for one.
    """

    label = BUSYBOX
    box = "{image: %s, options: --network none}"
    files: ClassVar = {
        "ci": workflow(f"""
            a:
              runs-on: here
              env: {{E: /effects}}
              container: {box % BUSYBOX}
              steps: [{do("one")}, {do("two")}]
            f:
              runs-on: here
              env: {{E: /effects}}
              container: {box % BUSYBOX}
              retry: {{max: 1, backoff: 50ms}}
              steps: [{do("three")}, {{run: exit 3}}, {do("never")}]
            c:
              runs-on: here
              env: {{E: /effects}}
              container: {box % BUSYBOX}
              steps: [{do("four", "never")}, {do("never")}]
            """)
    }

    def play(self) -> None:
        run = self.push("d1", "ci")
        self.until_done("four")
        self.cancel(self.job(run, "c"))

    def run_to_the_end(self) -> None:
        from engine.worker.docker import executor

        make = executor.container_config

        def with_effects(*told: Any) -> dict[str, Any]:
            body = make(*told)
            mount = {"Type": "bind", "Source": str(self.root / "effects"), "Target": "/effects"}
            body["HostConfig"]["Mounts"].append(mount)
            return body

        executor.container_config = with_effects
        super().run_to_the_end()


HISTORY = {
    "word.txt": "fine\n",
    "ci": workflow("a: {runs-on: here, steps: [{uses: actions/checkout@v4}, {run: '! grep -q broken word.txt'}]}"),
}


class Searches(Plant):
    """A commit is found that broke a job."""

    files = HISTORY
    broken_at = 3

    def make(self) -> None:
        super().make()
        for number in range(1, 5):
            files: ClassVar = {"word.txt": "broken\n"} if number == self.broken_at else {}
            self.commit(f"Commit {number}", {"number.txt": f"{number}\n", **files})

    def red(self) -> Run:
        """The first commit is green and the last is red."""
        self.ended(self.push("d1", "ci", after=self.git("rev-parse", "main~4")))
        return self.ended(self.push("d2", "ci"))

    def play(self) -> None:
        search(self, self.job(self.red(), "a"))
        until_searched(self)


class VainSearches(Searches):
    """A failure that comes and goes, which no search finds."""

    files: ClassVar = {**HISTORY, "ci": workflow("a: {runs-on: here, steps: [{run: '[ ! -e $E/red ]'}]}")}

    def red(self) -> Run:
        if self.bisects():
            return self.runs[1]
        self.ended(self.push("d1", "ci", after=self.git("rev-parse", "main~4")))
        self.open("red")
        run = self.ended(self.push("d2", "ci"))
        (self.root / "effects" / "red").unlink()
        return run


class EndedSearches(Searches):
    """A search that a person ends while it tries a commit."""

    files: ClassVar = {
        **HISTORY,
        "ci": workflow(
            "a: {runs-on: here, steps: [{uses: actions/checkout@v4}, "
            "{run: '! grep -q broken word.txt || exit 1; [ \"$(cat number.txt 2>&1)\" != 2 ] || sh $E/do one never'}]}"
        ),
    }

    def play(self) -> None:
        found = search(self, self.job(self.red(), "a"))
        self.until_done("one")
        with suppress(EngineError):
            bisect_start.cancel(self.store, found, "ada")
        until_searched(self)


STORIES = {
    story.__name__: story
    for story in (
        Push, Broken, Late, Calls, Turns, TurnsAgain, Strangers, Gates, Cancels, NeverBegun, Retries, Checkpoints,
        Searches, VainSearches, EndedSearches, Boxes,
    )
}  # fmt: skip
IN_DOCKER = (Boxes.__name__,)
