"""Treadle's server in the comparison with other tools: asked for runs over its API, and for others by deliveries."""

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from app.client import Client
from benchmarks.jobs import job
from benchmarks.peer_server import SECRET, Server
from benchmarks.peer_works import FIRST, MARK, Work
from benchmarks.place import IMAGE, Ended, Workplace, git
from benchmarks.process import status_of

FEWEST = 2  # workers
STORM = f"on: {{push: {{branches: [storm]}}}}\njobs:\n{job('a')}    environment: gate\n"  # nobody lets it in
CONFIG = """\
listen: 127.0.0.1:{port}
labels: {{busybox: "{image}"}}
workers: {workers}
environments: {{gate: {{approval: true}}}}
repos:
  - {{name: bench, url: {repo}, secret: {secret}}}
"""


class TreadleServer(Server):
    """`treadle --headless` with one repository. It is started anew for works that want other workers."""

    def __init__(self, works: Sequence[Work] = ()) -> None:
        super().__init__(works)
        self._workers = FEWEST
        self._made = 0

    def run(self, work: Work) -> Ended:
        if max(work.workers, FEWEST) != self._workers:
            self._workers = max(work.workers, FEWEST)
            self._stop()
            self._configure()
            self._start()
        return super().run(work)

    def _once(self, work: Work) -> Ended:
        client = Client.of_home(self._place.home)
        wanted = {"repo": "bench", "workflow": f".treadle/workflows/{work.key}.yml"}
        over = "select status = 'success' from run where id = ? and finished_at is not null"
        return self._timed(lambda: int(client.post("/runs", wanted)["id"]), over)

    def _prepare(self, root: Path, opened: ExitStack) -> None:
        files = {work.key: work.workflow.replace("on: push", "on: workflow_dispatch") for work in self._works}
        files |= {"first": FIRST.workflow.replace("on: push", "on: {push: {branches: [first]}}"), "storm": STORM}
        self._place = opened.enter_context(Workplace(files))
        self.database = self._place.home / "treadle.db"
        self._configure()

    def _configure(self) -> None:
        told = {"port": self._port, "image": IMAGE, "workers": self._workers, "repo": self._place.repo}
        (self._place.home / "treadle.yml").write_text(CONFIG.format(**told, secret=SECRET))

    def _command(self) -> tuple[list[str], Mapping[str, str]]:
        return self._place.command("--headless"), self._place.env

    def _answers(self) -> bool:
        return status_of(self._port, "/readyz") == 200

    def _commits(self, branch: str, count: int) -> list[str]:
        start = git(self._place.repo, "rev-parse", "HEAD")
        marks = self._place.repo / ".git" / "made"
        told = []
        for number in range(1, count + 1):
            self._made += 1
            says = f"commit refs/heads/{branch}\nmark :{number}\ncommitter bench <bench@localhost> {self._made} +0000\n"
            told.append(f"{says}data 7\nanother\n" + (f"from {start}\n" if number == 1 else ""))
        command = ["git", "-C", str(self._place.repo), "fast-import", "--quiet", "--force", f"--export-marks={marks}"]
        subprocess.run(command, input="".join(told), check=True, text=True)
        made = dict(line.split() for line in marks.read_text().splitlines())
        return [made[f":{number}"] for number in range(1, count + 1)]

    def _hook(self) -> str:
        return "/hooks/bench"

    def _printed(self, sha: str) -> bool:
        wanted = (
            "select j.run_id, j.id, a.number from run r join job j on j.run_id = r.id join attempt a on a.job_id = j.id"
        )
        for run, job_id, number in self._asked(f"{wanted} where r.sha = ?", sha):
            log = self._place.home / "logs" / str(run) / f"{job_id}-{number}.log"
            if log.exists() and MARK in log.read_bytes():
                return True
        return False

    def _unfinished(self) -> int:
        return int(self._asked("select count(*) from run where finished_at is null")[0][0])

    def _planned(self) -> int:
        return int(self._asked("select count(*) from event where source = 'github' and status != 'received'")[0][0])

    def _runs(self) -> int:
        return int(self._asked("select count(distinct event_id) from run where status != 'cancelled'")[0][0])
