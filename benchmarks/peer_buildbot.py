"""A Buildbot master with local workers, for the comparison with other tools: set up as its own manual does, no more.

Each job of a work is a builder whose steps are `docker` commands; a work of several jobs is led by one more builder
that triggers the layers one after another and waits for each.
"""

import json
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.peer_works import NOOP, WORKS, Work
from benchmarks.place import IMAGE, Ended
from benchmarks.server import wait_for

MASTER = """\
from buildbot.plugins import schedulers, steps, util, worker

c = BuildmasterConfig = {{
    "protocols": {{"null": {{}}}}, "buildbotNetUsageData": None, "db": {{"db_url": "sqlite:///state.sqlite"}},
    "www": {{"port": "tcp:{port}:interface=127.0.0.1", "plugins": {{}}}}, "buildbotURL": "http://127.0.0.1:{port}/",
    "title": "bench", "workers": [], "builders": [], "schedulers": [],
}}

def add(name, factory, workers):
    c["workers"] += [worker.LocalWorker(one) for one in workers if one not in {{w.name for w in c["workers"]}}]
    c["builders"].append(util.BuilderConfig(name=name, workernames=workers, factory=factory))

for key, layers, commands, at_once in {works!r}:
    workers = [f"{{key}}-{{number}}" for number in range(at_once)]
    names = []
    for layer, count in enumerate(layers):
        jobs = [f"{{key}}-{{layer}}-{{number}}" for number in range(count)]
        for job in jobs:
            run = util.BuildFactory()
            if len(commands) == 1:
                run.addStep(steps.ShellCommand(command=["docker", "run", "--rm", {image!r}, "sh", "-c", commands[0]]))
            else:
                box = ["docker", "run", "-d", "--name", job, {image!r}, "sleep", "60"]
                run.addStep(steps.ShellCommand(command=box))
                for command in commands:
                    run.addStep(steps.ShellCommand(command=["docker", "exec", job, "sh", "-c", command]))
                run.addStep(steps.ShellCommand(command=["docker", "rm", "-f", job], alwaysRun=True))
            add(job, run, workers)
        c["schedulers"].append(schedulers.Triggerable(name=f"{{key}}-{{layer}}", builderNames=jobs))
        names.append(f"{{key}}-{{layer}}")
    lead = util.BuildFactory()
    for name in names:
        lead.addStep(steps.Trigger(schedulerNames=[name], waitForFinish=True))
    add(key, lead, [f"{{key}}-lead"])
    c["schedulers"].append(schedulers.ForceScheduler(name=f"force-{{key}}", builderNames=[key]))
"""


class Buildbot:
    """A master that is up and waits for work, until the end of the `with`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        subprocess.run(["buildbot", "create-master", str(self._folder)], check=True, stdout=subprocess.DEVNULL)
        works = [
            (work.key, [count for count in (work.first, work.middle, work.last) if count], work.commands, work.workers)
            for work in WORKS
        ]
        (self._folder / "master.cfg").write_text(MASTER.format(port=self._port, works=works, image=IMAGE))
        self._log = (self._folder / "out.log").open("wb")
        command = ["buildbot", "start", "--nodaemon", str(self._folder)]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        try:
            wait_for(self._answers, "Buildbot is ready", 60)
            self.run(NOOP)  # its workers have attached then
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def run(self, work: Work) -> Ended:
        """Force a build of the work's first builder and wait for its end."""
        (Path("/proc") / str(self._process.pid) / "clear_refs").write_text("5")  # its peak begins anew
        start = time.monotonic()
        asked = {"jsonrpc": "2.0", "method": "force", "id": 1, "params": {}}
        request, _ = self._ask(f"forceschedulers/force-{work.key}", asked)["result"]
        while not (found := self._ask(f"buildsets/{request}")["buildsets"][0])["complete"]:
            time.sleep(0.02)
        seconds = time.monotonic() - start
        return Ended(seconds, int(found["results"] != 0), self._peak_mb())

    def _ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        address = f"http://127.0.0.1:{self._port}/api/v2/{path}"
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"Buildbot did not start: {(self._folder / 'out.log').read_text()[-2000:]}")
        try:
            return bool(self._ask("forceschedulers")["forceschedulers"])
        except OSError:
            return False

    def _peak_mb(self) -> float:
        lines = (Path("/proc") / str(self._process.pid) / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def _leave(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()
