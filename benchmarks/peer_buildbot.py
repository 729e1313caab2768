"""A Buildbot master with local workers, for the comparison with other tools: set up as its own manual does, no more.

Each job of a work is a builder whose steps are `docker` commands; a work of several jobs is led by one more builder
that triggers the layers one after another and waits for each.
"""

import hashlib
import json
import os
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.peer_server import SECRET, Server
from benchmarks.peer_works import FIRST, MARK, Work
from benchmarks.place import IMAGE, Ended

MASTER = """\
from buildbot.plugins import schedulers, steps, util, worker

c = BuildmasterConfig = {{
    "protocols": {{"null": {{}}}}, "buildbotNetUsageData": None, "db": {{"db_url": "sqlite:///state.sqlite"}},
    "www": {{
        "port": "tcp:{port}:interface=127.0.0.1", "plugins": {{}},
        "change_hook_dialects": {{"github": {{"secret": {secret!r}, "strict": True}}}},
    }},
    "buildbotURL": "http://127.0.0.1:{port}/",
    "title": "bench", "workers": [], "builders": [], "schedulers": [],
}}

def add(name, factory, workers, **more):
    c["workers"] += [worker.LocalWorker(one) for one in workers if one not in {{w.name for w in c["workers"]}}]
    c["builders"].append(util.BuilderConfig(name=name, workernames=workers, factory=factory, **more))

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

first = util.BuildFactory([steps.ShellCommand(command=["docker", "run", "--rm", {image!r}, "sh", "-c", {first!r}])])
add("first", first, ["first-0"])
add("storm", first, ["storm-0"], nextBuild=lambda builder, requests: None)  # they wait
for branch in ("first", "storm"):
    pushed = util.ChangeFilter(branch=branch)
    c["schedulers"].append(schedulers.SingleBranchScheduler(name=branch, change_filter=pushed, builderNames=[branch]))
"""
MERGED = 3  # the result of a request that another was merged with: "skipped"


class Buildbot(Server):
    """A master with its workers inside it."""

    def __init__(self, works: Sequence[Work] = ()) -> None:
        super().__init__(works)
        self._made = 0

    def _once(self, work: Work) -> Ended:
        """Force a build of the work's first builder and wait for its end."""
        asked = {"jsonrpc": "2.0", "method": "force", "id": 1, "params": {}}
        over = "select results = 0 from buildsets where id = ? and complete = 1"
        return self._timed(lambda: int(self._ask(f"forceschedulers/force-{work.key}", asked)["result"][0]), over)

    def _prepare(self, root: Path, opened: ExitStack) -> None:
        self._folder = root / "master"
        self.database = self._folder / "state.sqlite"
        made = ["buildbot", "create-master", str(self._folder)]
        subprocess.run(made, check=True, stdout=self._log, stderr=self._log)
        works = [
            (work.key, [count for count in (work.first, work.middle, work.last) if count], work.commands, work.workers)
            for work in self._works
        ]
        told = {"port": self._port, "secret": SECRET, "works": works, "image": IMAGE, "first": FIRST.commands[0]}
        (self._folder / "master.cfg").write_text(MASTER.format(**told))

    def _command(self) -> tuple[list[str], Mapping[str, str]]:
        return ["buildbot", "start", "--nodaemon", str(self._folder)], os.environ

    def _answers(self) -> bool:
        """Whether its builders have workers: earlier it takes work, but does none."""
        try:
            return all(one["connected_to"] for one in self._ask("workers")["workers"])
        except OSError:
            return False

    def _ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        address = f"http://127.0.0.1:{self._port}/api/v2/{path}"
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def _commits(self, branch: str, count: int) -> list[str]:
        """Invent them: a master looks at no repository."""
        self._made += count
        return [hashlib.sha1(f"{branch} {self._made + number}".encode()).hexdigest() for number in range(count)]

    def _hook(self) -> str:
        return "/change_hook/github"

    def _printed(self, sha: str) -> bool:
        return bool(self._asked(
            "select 1 from sourcestamps p join buildset_sourcestamps x on x.sourcestampid = p.id"
            " join buildrequests r on r.buildsetid = x.buildsetid join builds b on b.buildrequestid = r.id"
            " join steps s on s.buildid = b.id join logs l on l.stepid = s.id join logchunks c on c.logid = l.id"
            " where p.revision = ? and instr(c.content, ?)", sha, MARK,
        ))  # fmt: skip

    def _unfinished(self) -> int:
        return int(self._asked("select count(*) from buildrequests where complete = 0")[0][0])

    def _planned(self) -> int:
        return int(self._asked("select count(*) from buildsets")[0][0])

    def _runs(self) -> int:
        return int(self._asked("select count(*) from buildrequests where complete = 0 or results != ?", MERGED)[0][0])
