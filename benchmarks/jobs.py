"""Jobs, steps, graphs and logs: Treadle's time over the time of a bare `docker run` in the same minute."""

from collections.abc import Iterator
from statistics import mean, median

from benchmarks.place import Ended, Workplace, bare, turns
from benchmarks.warm import WarmEngine

HEAD = "on: push\njobs:\n"
STEP = "      - run: 'true'\n"
LINES = """awk 'BEGIN{for(i=1;i<=1000000;i++) print i, "the quick brown fox jumps over the lazy dog, twice"}'"""

Figures = Iterator[tuple[str, float]]


def job(name: str, *, steps: int = 1, needs: str = "", matrix: str = "") -> str:
    """Return the YAML of a job whose steps do nothing."""
    more = f"    needs: {needs}\n" * bool(needs) + f"    strategy: {{matrix: {{n: {matrix}}}}}\n" * bool(matrix)
    return f"  {name}:\n    runs-on: busybox\n{more}    steps:\n{STEP * steps}"


def graph() -> str:
    """Return 50 jobs: one, 48 that need it, one that needs them all."""
    middle = [f"m{number}" for number in range(48)]
    jobs = [job("first"), *(job(name, needs="[first]") for name in middle), job("last", needs=str(middle))]
    return HEAD + "".join(jobs)


def workflows() -> dict[str, str]:
    return {
        "noop": HEAD + job("a"),
        "steps": HEAD + job("a", steps=20),
        "graph": graph(),
        "matrix": HEAD + job("a", matrix=str(list(range(20)))),
        "lines": f"{HEAD}  a:\n    runs-on: busybox\n    steps:\n      - run: |\n          {LINES}\n",
    }


def file(name: str) -> str:
    return f".treadle/workflows/{name}.yml"


def small(place: Workplace, quick: bool) -> Figures:
    """One job without and with an engine that is up already, with 1 step and with 20."""
    count = 3 if quick else 9
    with WarmEngine(place) as engine:
        for _ in range(3):  # libraries, network slots, compiled modules
            engine.run("noop")
        warm = turns(
            count,
            {
                "docker": lambda: bare("true"),
                "noop": lambda: engine.run("noop"),
                "steps": lambda: engine.run("steps"),
            },
        )
    place.treadle("run", file("noop"))
    cold = turns(
        count,
        {
            "docker": lambda: bare("true"),
            "noop": lambda: place.treadle("run", file("noop")).seconds,
            "steps": lambda: place.treadle("run", file("steps")).seconds,
        },
    )
    yield "docker run --rm", median([warm["docker"], cold["docker"]])
    yield "one no-op job, cold", cold["noop"] / cold["docker"]
    yield "one no-op job, warm", warm["noop"] / warm["docker"]
    yield "20 no-op steps, cold", cold["steps"] / cold["docker"]
    yield "20 no-op steps, warm", warm["steps"] / warm["docker"]
    yield "one more step", (warm["steps"] - warm["noop"]) / 19 * 1000


def graphs(place: Workplace, quick: bool) -> Figures:
    """Many jobs at once, each turn held against the bare runs just before and after it."""
    for name, workflow, workers in (
        ("50 jobs (1, 48, 1), 2 workers", "graph", 2),
        ("50 jobs (1, 48, 1), 8 workers", "graph", 8),
        ("matrix of 20, 2 workers", "matrix", 2),
    ):
        ratios = []
        for _ in range(1 if quick else 2):
            before = [bare("true") for _ in range(3)]
            seconds = place.treadle("run", file(workflow), "--workers", str(workers)).seconds
            ratios.append(seconds / mean([*before, *(bare("true") for _ in range(3))]))
        yield name, median(ratios)


def lines(place: Workplace, quick: bool) -> Figures:
    """A step that prints 60 MB in a million lines, against the same command in a bare container."""
    ended: list[Ended] = []

    def ours() -> float:
        ended.append(place.treadle("run", file("lines")))
        return ended[-1].seconds

    seen = turns(1 if quick else 3, {"docker": lambda: bare("sh", "-c", LINES), "treadle": ours})
    yield "a million lines", seen["treadle"] / seen["docker"]
    yield "a million lines, peak memory", max(one.peak_mb for one in ended)
