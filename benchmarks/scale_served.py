"""A home's engine watched from outside: its start, its memory and CPU, and what it answers; and commands beside it."""

import http.client
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from app.client import Client
from benchmarks.place import PROJECT
from benchmarks.process import TREADLE, cpu_s, memory_mb, status_of
from benchmarks.scale_home import Home
from benchmarks.server import wait_for

TURNS = 3
ASKED = 10  # times each question: the CPU's time is told in hundredths of a second
CALM_S = 1.0  # an engine is at rest that has used nothing to speak of for so long
REST_SHARE = 0.03
IDLE_S = 3.0


class Watched:
    """`treadle --headless` on a home, from its start to its end."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def __enter__(self) -> Self:
        env = {**os.environ, "PYTHONPATH": str(PROJECT), "TREADLE_HOME": str(self._home.path)}
        self._log = (self._home.path.parent / "log").open("wb")
        self._began = time.monotonic()
        self._process = subprocess.Popen([*TREADLE, "--headless"], env=env, stdout=self._log, stderr=self._log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)
        self._log.close()

    def settled(self) -> None:
        """Wait until it takes work, then until it rests."""
        wait_for(self._ready, "the server is ready", 300)
        self._rest()

    def started(self) -> dict[str, float]:
        """Wait as `settled` does; return what that took, and what it needs at rest."""
        wait_for(self._ready, "the server is ready", 300)
        took, cpu = time.monotonic() - self._began, self._cpu_s()
        self._rest()
        rested, rested_cpu = time.monotonic() - self._began - CALM_S, self._cpu_s()
        before, start = self._cpu_s(), time.monotonic()
        time.sleep(IDLE_S)
        idle = (self._cpu_s() - before) / (time.monotonic() - start)
        return {
            "start to /readyz, ms": took * 1000,
            "start to /readyz, CPU ms": cpu * 1000,
            "start until all is looked at, ms": rested * 1000,
            "CPU until all is looked at, ms": rested_cpu * 1000,
            "idle CPU, %": idle * 100,
            "memory idle, MB": self._memory_mb("VmRSS"),
            "memory at most until then, MB": self._memory_mb("VmHWM"),
            "threads idle": len(list(Path(f"/proc/{self._process.pid}/task").iterdir())),
        }

    def asked(self) -> dict[str, float]:
        """Ask what people ask, some times each: the median, and the CPU that the server needed."""
        client, home = Client.of_home(self._home.path), self._home
        questions: dict[str, Callable[[], object]] = {
            "GET runs": lambda: client.get("/runs", {"limit": 50}),
            "GET run": lambda: client.get(f"/runs/{home.dag}"),
            "GET run's attempts": lambda: client.get(f"/runs/{home.dag}/attempts"),
            "GET run as a web page": lambda: self._page(f"/runs/{home.dag}"),
            "GET queue": lambda: client.get("/queue"),
            "GET job": lambda: client.get(f"/jobs/{home.waiting}"),
            "GET job's timeline": lambda: client.get(f"/jobs/{home.waiting}/timeline"),
            "GET run explained": lambda: client.get(f"/runs/{home.dag}/explain"),
            "GET job explained": lambda: client.get(f"/jobs/{home.waiting}/explain"),
            "GET repos": lambda: client.get("/repos"),
            "GET slo": lambda: client.get("/slo"),
            "GET metrics": lambda: self._page("/metrics"),
            "GET flaky": lambda: client.get("/flaky"),
            "GET inbox": lambda: client.get("/inbox"),
            "GET artifacts": lambda: client.get("/artifacts"),
        }
        found: dict[str, float] = {}
        for name, ask in questions.items():
            ask()  # what is read for the first time
            took, before = [], self._cpu_s()
            for _ in range(ASKED):
                start = time.perf_counter()
                ask()
                took.append((time.perf_counter() - start) * 1000)
            found[f"{name}, ms"] = median(took)
            found[f"{name}, CPU ms"] = (self._cpu_s() - before) * 1000 / ASKED
        return found

    def run_and_attempts(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return what the page of the large run is made of."""
        client = Client.of_home(self._home.path)
        return client.get(f"/runs/{self._home.dag}"), client.get(f"/runs/{self._home.dag}/attempts")["attempts"]

    def left(self) -> dict[str, float]:
        return {"memory after all that, MB": self._memory_mb("VmRSS"), "memory at most, MB": self._memory_mb("VmHWM")}

    def _page(self, path: str) -> None:
        token = self._token
        connection = http.client.HTTPConnection("127.0.0.1", self._home.port, timeout=30)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered with {answer.status}")

    @property
    def _token(self) -> str:
        if not hasattr(self, "_made"):
            told = Client.of_home(self._home.path).post("/tokens", {"name": "bench", "scope": "read"})
            self._made = str(told["token"])
        return self._made

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            said = Path(self._log.name).read_text()[-2000:]
            raise RuntimeError(f"the server ended with {self._process.returncode}: {said}")
        return status_of(self._home.port, "/readyz") == 200

    def _rest(self) -> None:
        def rests() -> bool:
            before = self._cpu_s()
            time.sleep(CALM_S)
            return self._cpu_s() - before < REST_SHARE * CALM_S

        wait_for(rests, "the server rests", 600)

    def _cpu_s(self) -> float:
        return cpu_s(self._process.pid)

    def _memory_mb(self, which: str) -> float:
        return memory_mb(self._process.pid, which)


def commands(home: Home) -> dict[str, float]:
    """Return what commands take beside an engine, the start of Python included."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT), "TREADLE_HOME": str(home.path)}
    found: dict[str, float] = {}
    for words in (["list"], ["show", f"r{home.dag}"], ["queue"], ["repo", "list"], ["explain", f"j{home.waiting}"]):
        took, cpu = [], []
        for _ in range(TURNS):
            start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            quiet = subprocess.DEVNULL
            subprocess.run([*TREADLE, *words], env=env, check=True, stdout=quiet, stderr=quiet)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took.append((time.perf_counter() - start) * 1000)
            cpu.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
        name = f"treadle {' '.join(word for word in words if not word[1:].isdecimal())}"
        found[f"{name}, ms"], found[f"{name}, CPU ms"] = median(took), median(cpu)
    return found
