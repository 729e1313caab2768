"""What the servers of the comparison have in common: a process that is started, is sent deliveries, and is watched.

What a server has done is read in its database file, every few milliseconds: to ask it would cost it time, and each
answer would come a while after what it tells.
"""

import hashlib
import hmac
import http.client
import json
import sqlite3
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.peer_works import NOOP, Work
from benchmarks.place import Ended
from benchmarks.process import free_port, memory_mb

SECRET = "bench"
SENDERS = 8
LOOK_S = 0.003
READY_S = 60.0
DONE_S = 900.0
STILL_S = 30.0  # a server that has planned nothing more for so long has lost the rest
IDLE_S = 2.0
WARM_UPS = 2


@dataclass(frozen=True, slots=True)
class Stormed:
    """What became of a storm. `planned_s`: from its first delivery until all that ever are planned were; `runs`: how
    many deliveries got a run of their own."""

    sent: int
    accepted: int
    answers_s: Sequence[float]
    planned: int
    planned_s: float
    runs: int


class Server(ABC):
    """A server that is up and waits for work, in a process of its own, until the end of the `with`.

    `started_s` is how long it took to answer. A server without `works` knows only of deliveries: those to the branch
    `first` run a step that prints the mark, those to the branch `storm` are planned and then wait for ever.
    """

    started_s: float
    database: Path

    def __init__(self, works: Sequence[Work] = ()) -> None:
        self._works = works
        self._here = threading.local()
        self._port = free_port()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            root = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="treadle-peers-")))
            self._log = opened.enter_context((root / "log").open("wb"))
            self._prepare(root, opened)
            self._start()
            opened.callback(self._stop)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def run(self, work: Work) -> Ended:
        """Do one of the works; the time from asking for it until its end stands in the database."""
        self._warm_up()
        return self._once(work)

    @abstractmethod
    def _once(self, work: Work) -> Ended: ...

    @abstractmethod
    def _prepare(self, root: Path, opened: ExitStack) -> None:
        """Write what the server is told, and set `database`. What is entered into `opened` is left after its end."""

    @abstractmethod
    def _command(self) -> tuple[list[str], Mapping[str, str]]:
        """Return the command that is the server, and its environment."""

    @abstractmethod
    def _answers(self) -> bool: ...

    @abstractmethod
    def _commits(self, branch: str, count: int) -> list[str]:
        """Make so many commits on a branch; return their ids."""

    @abstractmethod
    def _hook(self) -> str:
        """Return the path that deliveries go to."""

    @abstractmethod
    def _printed(self, sha: str) -> bool:
        """Whether the log of a run of this commit holds the mark."""

    @abstractmethod
    def _unfinished(self) -> int: ...

    @abstractmethod
    def _planned(self) -> int:
        """Return of how many deliveries it is decided what they start."""

    @abstractmethod
    def _runs(self) -> int:
        """Return how many deliveries have a run of their own."""

    def first_byte(self) -> float:
        """Deliver a push; return the seconds until the first byte of its first step is in the log."""
        self._warm_up()
        (sha,) = self._commits("first", 1)
        start = time.monotonic()
        if (status := self._deliver("first", sha)) // 100 != 2:
            raise RuntimeError(f"a delivery was answered with {status}")
        self._await(lambda: self._printed(sha))
        seconds = time.monotonic() - start
        self._await(lambda: not self._unfinished())
        return seconds

    def cold_start(self) -> float:
        """Start it anew; return the seconds until it answered."""
        self._stop()
        self._start()
        return self.started_s

    def storm(self, count: int) -> Stormed:
        """Deliver that many pushes, some at a time, and wait until what becomes of them is decided."""

        def send(sha: str) -> tuple[bool, float]:
            began = time.monotonic()
            try:
                status = self._deliver("storm", sha)
            except (OSError, http.client.HTTPException):
                status = 0
                self._here.connection.close()
            return status // 100 == 2, time.monotonic() - began

        shas = self._commits("storm", count)
        before, start = self._planned(), time.monotonic()
        with ThreadPoolExecutor(SENDERS) as senders:
            answers = list(senders.map(send, shas))
        accepted = sum(good for good, _ in answers)
        planned, changed = self._planned() - before, time.monotonic()
        while planned < accepted and time.monotonic() - changed < STILL_S:
            time.sleep(LOOK_S)
            if (now := self._planned() - before) != planned:
                planned, changed = now, time.monotonic()
        return Stormed(count, accepted, [seconds for _, seconds in answers], planned, changed - start, self._runs())

    def memory_mb(self, which: str = "VmRSS") -> float:
        """Return the memory of the server's process: now, or since it was last forgotten (VmHWM)."""
        return memory_mb(self._process.pid, which)

    def idle_mb(self) -> float:
        """Let it rest for a moment; return its memory then."""
        time.sleep(IDLE_S)
        return self.memory_mb()

    def _warm_up(self) -> None:
        """Have done a few works first: a server that is up has done some before."""
        while self._warm_ups and NOOP in self._works:
            self._warm_ups -= 1
            self._once(NOOP)

    def _timed(self, ask: Callable[[], int], ended: str) -> Ended:
        """Ask for a run; wait until the query `ended` has a row for its id, which says whether all went well."""
        (Path("/proc") / str(self._process.pid) / "clear_refs").write_text(
            "5"
        )  # forgets the most memory that there was
        start = time.monotonic()
        ident = ask()
        good: list[tuple[Any, ...]] = []

        def is_over() -> bool:
            good[:] = self._asked(ended, ident)
            return bool(good)

        self._await(is_over)
        seconds = time.monotonic() - start
        if not good[0][0]:
            raise RuntimeError("the run failed")
        return Ended(seconds, 0, self.memory_mb("VmHWM"))

    def _asked(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read in the database, from any thread."""
        database = getattr(self._here, "database", None)
        if database is None:
            uri = f"file:{self.database}?mode=ro"
            database = self._here.database = sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None)
        rows: list[tuple[Any, ...]] = database.execute(sql, values).fetchall()
        return rows

    def _await(self, holds: Callable[[], bool], patience_s: float = DONE_S) -> None:
        end = time.monotonic() + patience_s
        while not holds():
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with {self._process.returncode}: {self._said()}")
            if time.monotonic() > end:
                raise RuntimeError(f"not done in {patience_s:.0f} s: {self._said()}")
            time.sleep(LOOK_S)

    def _deliver(self, branch: str, sha: str) -> int:
        """Deliver a push as GitHub does, over this thread's connection; return the status of the answer."""
        body = json.dumps(_push(branch, sha)).encode()
        signed = {kind: hmac.new(SECRET.encode(), body, kind).hexdigest() for kind in ("sha1", "sha256")}
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": f"{branch}-{sha}",
            "X-Hub-Signature": f"sha1={signed['sha1']}",
            "X-Hub-Signature-256": f"sha256={signed['sha256']}",
        }
        connection = getattr(self._here, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            self._here.connection = connection
        connection.request("POST", self._hook(), body, headers)
        answer = connection.getresponse()
        answer.read()
        return int(answer.status)

    def _start(self) -> None:
        command, env = self._command()
        start = time.monotonic()
        self._process = subprocess.Popen(command, env=env, stdout=self._log, stderr=self._log)
        try:
            self._await(self._answers, READY_S)
        except BaseException:
            self._stop()
            raise
        self.started_s = time.monotonic() - start
        self._warm_ups = WARM_UPS

    def _stop(self) -> None:
        self._here = threading.local()  # with the connections to it
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _said(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")[-500:]


def _push(branch: str, sha: str) -> dict[str, Any]:
    """Return what GitHub says of a push of one commit, padded to the size that is usual there."""
    person = {"name": "bench", "email": "bench@localhost", "username": "bench"}
    commit = {
        "id": sha,
        "message": "another",
        "timestamp": "2026-01-01T00:00:00Z",
        "url": f"https://forge.invalid/bench/bench/commit/{sha}",
        "author": person,
        "committer": person,
        "distinct": True,
        "added": [],
        "removed": [],
        "modified": ["src/main.py"],
    }
    repository = {"name": "bench", "full_name": "bench/bench", "html_url": "https://forge.invalid/bench/bench"}
    return {
        "ref": f"refs/heads/{branch}",
        "before": hashlib.sha1(sha.encode()).hexdigest(),
        "after": sha,
        "created": False,
        "deleted": False,
        "head_commit": commit,
        "commits": [commit],
        "repository": repository | {"default_branch": "main", "description": "x" * 5000},
        "pusher": {"name": "bench", "email": "bench@localhost"},
    }
