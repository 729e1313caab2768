"""The server under deliveries: how many it takes a second, how soon the first job starts, what it costs when idle.

`python -m benchmarks.server [--quick]`; no Docker: jobs are a `true` on this machine. The deliveries come from this
machine, too, and share its CPUs with the server: a server that is alone is quicker.
"""

import argparse
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

from benchmarks.place import PROJECT, git, repository
from benchmarks.process import TREADLE, cpu_s, free_port, memory_mb, status_of

SECRET = b"bench"
PAD = "x" * 6000  # a push as forges send it is 6 to 10 kB
SENDERS = 8
NEVER = "on: {push: {branches: [never]}}\njobs: {a: {runs-on: here, steps: [{run: 'true'}]}}\n"
ALWAYS = "on: push\njobs: {a: {runs-on: here, steps: [{run: 'true'}]}}\n"


class Served:
    """A server process with two repositories: `app`, whose pushes run one job, and `storm`, whose pushes run none."""

    def __enter__(self) -> Self:
        self._root = Path(tempfile.mkdtemp(prefix="treadle-bench-"))
        self.home = self._root / "home"
        self.home.mkdir(mode=0o700)
        path = ".treadle/workflows/w.yml"
        self.app, self.storm = (
            repository(self._root / name, {path: text}) for name, text in (("app", ALWAYS), ("storm", NEVER))
        )
        self.port = free_port()
        entries = "".join(
            f"  - {{name: {repo.name}, url: {repo}, secret: {SECRET.decode()}, allow_host: true}}\n"
            for repo in (self.app, self.storm)
        )
        config = (
            f"listen: 127.0.0.1:{self.port}\nlabels: {{here: host}}\nlimits: {{backlog: 100000}}\nrepos:\n{entries}"
        )
        (self.home / "treadle.yml").write_text(config)
        env = {**os.environ, "PYTHONPATH": str(PROJECT), "TREADLE_HOME": str(self.home)}
        self._log = (self._root / "log").open("wb")
        self._process = subprocess.Popen([*TREADLE, "--headless"], env=env, stdout=self._log, stderr=self._log)
        self._local = threading.local()
        wait_for(lambda: status_of(self.port, "/readyz") == 200, "the server is ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)
        self._log.close()
        shutil.rmtree(self._root, ignore_errors=True)

    def commit(self, repo: Path) -> str:
        """Make another commit; return its id."""
        git(repo, "commit", "-q", "--allow-empty", "-m", "another")
        return git(repo, "rev-parse", "HEAD")

    def deliver(self, repo: Path, sha: str, ident: str) -> int:
        """Deliver a push over this thread's connection; return the status of the answer."""
        head = {"id": sha, "message": "another", "author": {"name": "bench", "email": "bench@localhost"}}
        said = {
            "ref": "refs/heads/main",
            "before": "0" * 40,
            "after": sha,
            "head_commit": head,
            "commits": [],
            "pad": PAD,
        }
        body = json.dumps(
            {**said, "repository": {"full_name": f"bench/{repo.name}"}, "pusher": {"name": "bench"}}
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": ident,
            "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest(),
        }
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", f"/hooks/{repo.name}", body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def asked(self, sql: str) -> list[tuple[float, ...]]:
        database = sqlite3.connect(f"file:{self.home}/treadle.db?mode=ro", uri=True, timeout=10)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def latencies(self, mark: str) -> list[float]:
        """Return the seconds from acceptance to the first job of the deliveries whose ids begin so."""
        return [seconds for (seconds,) in self.asked(
            "select r.started_at - e.received_at from run r join event e on e.id = r.event_id"
            f" where e.delivery like '{mark}-%' and r.started_at is not null order by 1"
        )]  # fmt: skip

    def unplanned(self) -> int:
        return int(self.asked("select count(*) from event where status = 'received'")[0][0])

    def cpu_s(self) -> float:
        return cpu_s(self._process.pid)

    def memory_mb(self, which: str) -> float:
        """Return VmRSS (now) or VmHWM (the most there was)."""
        return memory_mb(self._process.pid, which)


def wait_for(holds: Callable[[], bool], what: str, patience_s: float = 120.0) -> None:
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError(f"never: {what}")
        time.sleep(0.02)


def show(name: str, value: str) -> None:
    print(f"{name:44} {value:>12}", flush=True)


def at(values: list[float], share: float) -> str:
    ordered = sorted(values)
    return f"{ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000:.0f} ms"


def idle(server: Served, seconds: float) -> None:
    time.sleep(2)
    before, start = server.cpu_s(), time.monotonic()
    time.sleep(seconds)
    used = (server.cpu_s() - before) / (time.monotonic() - start)
    show("idle: CPU", f"{used * 100:.2f} %")
    show("idle: memory", f"{server.memory_mb('VmRSS'):.0f} MB")


def triggers(server: Served, mark: str, count: int, *, pause_s: float = 0.0) -> list[float]:
    for number in range(count):
        status = server.deliver(server.app, server.commit(server.app), f"{mark}-{number}")
        if status != 202:
            raise RuntimeError(f"a delivery was answered with {status}")
        if pause_s:
            time.sleep(pause_s)
        else:
            wait_for(lambda wanted=number + 1: len(server.latencies(mark)) == wanted, "the job starts")  # type: ignore[misc]
    wait_for(lambda: len(server.latencies(mark)) == count, "all jobs start")
    return server.latencies(mark)


def storm(server: Served, count: int) -> None:
    sha = git(server.storm, "rev-parse", "HEAD")
    meanwhile: list[float] = []
    pushes = threading.Thread(target=lambda: meanwhile.extend(triggers(server, "storm-app", 10, pause_s=0.15)))
    start = time.monotonic()
    pushes.start()
    with ThreadPoolExecutor(SENDERS) as senders:
        statuses = list(senders.map(lambda n: server.deliver(server.storm, sha, f"storm-{n}"), range(count)))
    taken = time.monotonic() - start
    if set(statuses) != {202}:
        raise RuntimeError(f"deliveries were answered with {sorted(set(statuses))}")
    show(f"storm: {count} deliveries of 6.5 kB accepted", f"{count / taken:.0f} /s")
    wait_for(lambda: server.unplanned() == 0, "the inbox is empty")
    show("storm: drained (accepted and planned)", f"{count / (time.monotonic() - start):.0f} /s")
    pushes.join()
    show("event to first job in the storm, p50", f"{median(meanwhile) * 1000:.0f} ms")
    show("event to first job in the storm, p95", at(meanwhile, 0.95))
    show("memory at most", f"{server.memory_mb('VmHWM'):.0f} MB")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server")
    parser.add_argument("--quick", action="store_true", help="fewer deliveries: a first impression")
    quick = parser.parse_args().quick
    with Served() as server:
        idle(server, 5 if quick else 20)
        triggers(server, "warm", 2)
        calm = triggers(server, "idle", 10 if quick else 40)
        show("event to first job, idle, p50", f"{median(calm) * 1000:.0f} ms")
        show("event to first job, idle, p95", at(calm, 0.95))
        storm(server, 500 if quick else 3000)
        idle(server, 5 if quick else 20)
    return 0


if __name__ == "__main__":
    sys.exit(main())
