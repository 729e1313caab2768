"""What a box costs, as ratios to a bare `docker run --rm IMAGE true` on the bridge, measured in turns in the same run.

Run it from the repository's root: `python benchmarks/executor.py [IMAGE [ROUNDS]]`. Needs a Docker Engine and its CLI.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.worker.docker.executor import DockerExecutor
from engine.worker.executor import BoxOptions, BoxSpec
from engine.worker.steps.script import StepScript
from engine.worker.steps.session import Session, StepEnd

STEPS = 5
FILES = 1000


class Bench:
    """Jobs of no-op steps on one executor; each leaves nothing but its measured time."""

    def __init__(self, image: str, folder: Path) -> None:
        self.image = image
        self.folder = folder
        self.executor = DockerExecutor("benchmark", network_slots=1)
        self.count = 0
        self.source = folder / "source"
        self.source.mkdir()
        for number in range(FILES):
            (self.source / f"{number}.txt").write_text("x" * 1000)

    def job(self, steps: int = 1, script: str = "true", **spec: Any) -> tuple[Session, float, list[float]]:
        """Run one job to the end of its last step: (session, ms in all, ms of each step)."""
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        self.executor.settle()
        start = time.perf_counter()
        Session.prepare(folder)
        box = self.executor.start(BoxSpec(f"b{self.count}", self.image, folder, {}, **spec))
        session = Session(box, folder, 1.0)
        each = []
        for index in range(steps):
            before = time.perf_counter()
            session.start_step(StepScript(index, ("sh", "-e", "{0}"), script, {}, box.workspace))
            if script == "true":
                assert isinstance(session.poll(60), StepEnd)
            each.append((time.perf_counter() - before) * 1000)
        return session, (time.perf_counter() - start) * 1000, each

    def leave(self, session: Session) -> None:
        session.end()
        session.close()
        session.box.remove()

    def whole(self, steps: int = 1, **spec: Any) -> Callable[[], float]:
        def measure() -> float:
            session, ms, _ = self.job(steps, **spec)
            self.leave(session)
            return ms

        return measure

    def one_more_step(self) -> float:
        session, _, each = self.job(10)
        self.leave(session)
        return statistics.median(each[1:])

    def cancel(self, script: str) -> Callable[[], float]:
        def measure() -> float:
            session, _, _ = self.job(1, script)
            session.poll(0.2)
            start = time.perf_counter()
            session.interrupt()
            assert isinstance(session.poll(30), StepEnd)
            ms = (time.perf_counter() - start) * 1000
            self.leave(session)
            return ms

        return measure

    def docker_run(self, *options: str) -> Callable[[], float]:
        def measure() -> float:
            self.executor.settle()
            start = time.perf_counter()
            subprocess.run(["docker", "run", "--rm", *options, self.image, "true"], check=True)
            return (time.perf_counter() - start) * 1000

        return measure


def main(image: str = "busybox:latest", rounds: str = "9") -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(image, Path(folder))
        no_network = BoxOptions(network="none")
        bridge = BoxOptions(network="bridge")
        cases: dict[str, Callable[[], float]] = {
            "docker run --rm, bridge": bench.docker_run(),
            "docker run --rm --network none": bench.docker_run("--network", "none"),
            "job of 1 step, slot": bench.whole(),
            f"job of {STEPS} steps, slot": bench.whole(STEPS),
            f"job of 1 step, slot, overlay over {FILES} files": bench.whole(source=bench.source, overlay=True),
            "job of 1 step, bridge": bench.whole(options=bridge),
            "job of 1 step, no network": bench.whole(options=no_network),
            "one more step": bench.one_more_step,
            "cancel, TERM honoured": bench.cancel("sleep 100"),
            "cancel, TERM honoured, a deaf daemon": bench.cancel("(trap '' TERM; exec setsid sleep 99) & sleep 100"),
            "cancel, deaf to TERM, grace 1000 ms": bench.cancel("trap '' TERM; while :; do sleep 1; done"),
        }
        bench.executor._slots.want(1, image)
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(int(rounds)):
            for name, measure in cases.items():
                times[name].append(measure())
        bench.executor.close()
    floor = statistics.median(times["docker run --rm, bridge"])
    print(f"{image}, medians of {rounds} rounds{'':30}       ms   x docker run")
    for name, values in times.items():
        print(f"{name:58} {statistics.median(values):8.1f} {statistics.median(values) / floor:14.3f}")
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import engine.worker.docker.executor"], check=True)
    print(f"{'import of the executor, without docker itself':58} {(time.perf_counter() - start) * 1000:6.0f}")
    label = ["--filter", "label=treadle=benchmark", "--quiet"]
    left = [*_words("docker", "ps", "--all", *label), *_words("docker", "volume", "ls", *label)]
    print(f"left behind: {len(left)}")


def _words(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


if __name__ == "__main__":
    main(*sys.argv[1:])
