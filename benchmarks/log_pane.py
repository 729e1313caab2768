"""The log pane over a real server: a log of a million lines opened, scrolled, searched; a log that grows followed.

`python -m benchmarks.log_pane`; no Docker. The pane is alone in its process, without a terminal: frames are composed,
not written. The engine, and the job that prints, share the machine's CPUs with it.
"""

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.place import git
from benchmarks.server import Served, show, wait_for
from engine.store.logs.index import Mark
from engine.store.logs.writer import LogWriter, Progress, compress

LINES = 1_000_000
LINE = (
    b"\x1b[32m12:00:%02d\x1b[0m \x1b[1mINFO\x1b[0m worker %6d says \x1b[33mwarn\x1b[0m that all is "
    b"\x1b[36mquite fine\x1b[0m today, number 7\n"
)
PRINTS = """on: push
jobs:
  a:
    runs-on: here
    steps:
    - run: |
        python3 -c "
        import time
        for _ in range(120):
            print(chr(10).join('a line of output, not very long, number %d' % n for n in range(1000)), flush=True)
            time.sleep(0.05)"
"""


def write_log(path: Path) -> int:
    """Write a million lines in groups of a thousand, as a step; return how many bytes they are."""
    now = datetime.now(UTC)
    for old in path.parent.glob(f"{path.stem}*"):
        old.unlink()
    log = LogWriter(path, 1 << 40)
    log.begin_step(0, now)
    raw = 0
    for first in range(0, LINES, 1000):
        lines = [LINE % (number % 60, number) for number in range(first, first + 998)]
        head = b"##[group]part %d\n" % (first // 1000)
        data = head + b"".join(lines) + b"##[endgroup]\n"
        raw += len(data)
        end = len(data) - len(b"##[endgroup]\n")
        marks = [(Mark.GROUP_BEGIN, 0, len(head)), (Mark.GROUP_END, end, len(data))]
        log.append(0, data, Progress(raw), now, marks)
    log.end_step(0, now)
    log.close()
    return raw


class Lag:
    """How long the event loop kept others waiting, while the block ran."""

    def __init__(self) -> None:
        self.late_s: list[float] = []

    async def __aenter__(self) -> "Lag":
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _tick(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.002)
            self.late_s.append(time.perf_counter() - before - 0.002)

    def __str__(self) -> str:
        late = sorted(self.late_s) or [0.0]
        return f"{late[int(len(late) * 0.95)] * 1000:.0f} / {late[-1] * 1000:.0f} ms"


def memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


async def until(holds: Callable[[], bool], patience_s: float = 60.0) -> float:
    """Return after how many seconds it held."""
    start = time.perf_counter()
    while not holds():
        if time.perf_counter() - start > patience_s:
            raise RuntimeError("never")
        await asyncio.sleep(0.001)
    return time.perf_counter() - start


def in_app(home: Path, script: Callable[..., Awaitable[None]], *jobs: int) -> None:
    """Run a script with the pane, a way to make the log of a job, and the jobs."""
    from textual.app import App, ComposeResult

    from app.client import Client
    from app.tui.job_log import JobLog
    from widgets.log_pane import LogPane

    class Bench(App[None]):
        def compose(self) -> ComposeResult:
            yield LogPane()

    async def run() -> None:
        app = Bench()
        async with app.run_test(size=(120, 40)) as pilot:
            pane = app.query_one(LogPane)
            pane.focus()
            await pilot.pause()
            await script(pane, lambda job: JobLog(Client.of_home(home), job, 1), *jobs)

    asyncio.run(run())


def shown(pane: Any) -> str:
    """Return what is in view of the log."""
    view = pane.view
    return "\n".join(view.render_line(y).text for y in range(view.size.height))


async def opened(pane: Any, source: Callable[[int], Any], job: int) -> None:
    from widgets.log_source import LogStep

    pane.show(source(job), ())
    await until(lambda: pane._counted)
    pane.show(None)
    await asyncio.sleep(0.3)
    before, cpu = memory_mb(), time.process_time()
    async with Lag() as lag:
        pane.show(source(job), (LogStep(0, "print", "success", 1.0),))
        show(
            "first lines of a million", f"{await until(lambda: f'worker {LINES - 3:6d}' in shown(pane)) * 1000:.0f} ms"
        )
        await until(lambda: pane._counted)
    show("opening: CPU of the pane's process", f"{(time.process_time() - cpu) * 1000:.0f} ms")
    show("opening: longest lag, p95 / max", str(lag))
    await scrolled(pane, before)
    await searched(pane)


async def scrolled(pane: Any, before: float) -> None:
    view = pane.view
    pane.action_level(9)
    for name, rows in (("a page", -37), ("a line", -1)):
        for missing in (200, 100):
            view.move(rows * missing)
        await asyncio.sleep(0.3)
        cpu, frames = time.process_time(), 0
        for _ in range(100):
            view.move(rows)
            done = asyncio.Event()
            view.call_after_refresh(done.set)
            await done.wait()
            frames += 1
        show(f"scrolling by {name}: CPU a frame", f"{(time.process_time() - cpu) / frames * 1000:.1f} ms")
    show("memory more than before it was opened", f"{memory_mb() - before:.0f} MB")


async def searched(pane: Any) -> None:
    for text, is_regex in (("number 7", False), ("worker 999999", False), ("says.*nothing", True), ("fine$", True)):
        pane._is_regex = is_regex
        kind = "regex" if is_regex else "text"
        pane.action_search()
        async with Lag() as lag:
            pane.prompt._line.value = text
            await pane.prompt.action_done()
            seconds = await until(lambda: pane._searching is not None and pane._searching.hits.done)
        count = len(pane._searching.hits)
        show(f"search {kind} {text!r}: {count:,} lines", f"{seconds:.2f} s")
        show("  lag, p95 / max", str(lag))


async def followed(pane: Any, source: Callable[[int], Any], job: int) -> None:
    pane.show(source(job), ())
    await until(lambda: pane._counted and pane._lines.count > 1000)
    start, cpu, count = time.perf_counter(), time.process_time(), pane._lines.count
    async with Lag() as lag:
        await asyncio.sleep(3)
    taken = time.perf_counter() - start
    lines = (pane._lines.count - count) / taken
    show(f"following {lines:,.0f} lines/s: CPU", f"{(time.process_time() - cpu) / taken * 100:.0f} %")
    show("following: lag, p95 / max", str(lag))
    await until(lambda: pane._ended)
    show("lines in the end (of 120,000)", f"{pane._lines.count:,}")


def main() -> int:
    if len(sys.argv) > 1:
        _, script, home, job = sys.argv
        in_app(Path(home), {"opened": opened, "followed": followed}[script], int(job))
        return 0
    with Served() as server:
        server.deliver(server.app, server.commit(server.app), "log-1")
        wait_for(lambda: server.asked("select count(*) from job where status = 'success'")[0][0] == 1, "a job is over")
        ((run, job),) = server.asked("select run_id, id from job")
        path = server.home / "logs" / str(run) / f"{job}-1.log"
        size = write_log(path)
        for form in ("plain", "compressed"):
            if form == "compressed":
                compress(path)
            print(f"{size / 1e6:.0f} MB, {form}")
            child("opened", server.home, int(job))
        (server.app / ".treadle" / "workflows" / "w.yml").write_text(PRINTS)
        git(server.app, "add", "-A")
        server.deliver(server.app, server.commit(server.app), "log-2")
        wait_for(lambda: server.asked("select count(*) from job where status = 'running'")[0][0] == 1, "a job runs")
        child("followed", server.home, int(server.asked("select max(id) from job")[0][0]))
    return 0


def child(script: str, home: Path, job: int) -> None:
    subprocess.run([sys.executable, "-m", "benchmarks.log_pane", script, str(home), str(job)], check=True)


if __name__ == "__main__":
    sys.exit(main())
