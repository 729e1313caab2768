"""How a home grows: jobs that are over, repositories, jobs that wait, the jobs of one run; each by itself, then all.

`python -m benchmarks.scale [--quick] [--only jobs|repos|queued|dag|all] [--json FILE]`; no Docker. Milliseconds, and of
them those of the CPU where others share the machine: what grows is told by the ratio from one size to the next. The
figures go into docs/figures.json under `scale`; `--curve` prints from there what docs/performance.md shows:
`python -m benchmarks.scale --curve | python docs/print_figures.py many`. `--pictures` measures the terminal UI's, too.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.place import PROJECT
from benchmarks.scale_home import Sizes, make
from benchmarks.scale_inside import claims, decisions, pictures
from benchmarks.scale_served import Watched, commands

FIGURES = PROJECT / "docs" / "figures.json"
BASE = Sizes(jobs=1_000, repos=10, queued=0, dag=50)
AXES: Mapping[str, tuple[int, ...]] = {
    "jobs": (1_000, 10_000, 100_000),
    "repos": (10, 100, 1_000),
    "queued": (0, 1_000, 10_000),
    "dag": (50, 500, 5_000),
}
QUICK = {"jobs": (1_000, 10_000), "repos": (10, 100), "queued": (0, 1_000), "dag": (50, 500)}
CURVE = (
    "start to /readyz, CPU ms", "CPU until all is looked at, ms", "memory idle, MB", "memory at most, MB",
    "treadle list, CPU ms", "treadle show, CPU ms", "treadle explain, CPU ms", "GET runs, CPU ms", "GET run, CPU ms",
    "GET run as a web page, CPU ms", "GET queue, CPU ms", "GET repos, CPU ms", "load the queue, CPU ms",
    "claim a job, CPU ms", "decide an edge, us", "decide and write an edge, us",
)  # fmt: skip
WHAT = {
    "jobs": "job runs that are over",
    "dag": "jobs of one run",
    "repos": "repositories that are watched",
    "queued": "jobs that are queued",
    "all": "all of that at once, as large",
}
ALL = Sizes(jobs=100_000, repos=1_000, queued=10_000, dag=5_000)
ALL_QUICK = Sizes(jobs=10_000, repos=100, queued=1_000, dag=500)


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured of one home: figure -> value, its unit in its name."""

    axis: str
    sizes: Sizes
    figures: Mapping[str, float]


def points(only: str | None, quick: bool, drawn: bool) -> Iterator[Point]:
    for axis, sizes in (QUICK if quick else AXES).items():
        if only in (None, axis):
            for size in sizes:
                yield measured(axis, replace(BASE, **{axis: size}), drawn)
    if only in (None, "all"):
        yield measured("all", ALL_QUICK if quick else ALL, drawn)


def measured(axis: str, sizes: Sizes, drawn: bool) -> Point:
    """Make a home of these sizes, and measure what people and the engine wait for in it."""
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder:
        home = make(Path(folder), sizes)
        figures: dict[str, float] = {"database, MB": home.size_mb}
        with Watched(home) as watched:  # what is done once in a home's life: its rows are read, its mirrors are made
            watched.settled()
        with Watched(home) as watched:
            figures |= watched.started()
            figures |= commands(home)
            figures |= watched.asked()
            told = watched.run_and_attempts()
            figures |= watched.left()
        if drawn:
            figures |= pictures(*told)
        figures |= claims(home)
        figures |= decisions(sizes.dag)
    return Point(axis, sizes, figures)


def table(axis: str, found: list[Point]) -> Iterator[str]:
    """Yield the curve of one axis: a row a figure, a column a size, and how many times the first the last is."""
    heads = [f"{getattr(point.sizes, axis):,}" if axis != "all" else "all" for point in found]
    yield f"{axis:44}" + "".join(f"{head:>10}" for head in heads) + ("  last/first" if len(found) > 1 else "")
    for figure in found[0].figures:
        values = [point.figures[figure] for point in found]
        row = f"{figure:44}" + "".join(f"{value:10.1f}" for value in values)
        yield row + (f"{values[-1] / values[0]:11.1f}x" if len(found) > 1 and values[0] else "")


def curve(file: Path) -> Iterator[str]:
    """Yield what was measured, an axis at a time: what people wait for, and what the engine needs."""
    kept = json.loads(file.read_text()).get("scale", {})
    for axis, what in WHAT.items():
        found = kept.get(axis, [])
        if not found:
            continue
        heads = [f"{point['sizes'][axis]:,}" if axis != "all" else "" for point in found]
        yield f"{what:34}" + "".join(f"{head:>10}" for head in heads)
        for figure in CURVE:
            if figure in found[0]["figures"]:
                yield f"  {figure:32}" + "".join(f"{point['figures'][figure]:10.1f}" for point in found)
        yield ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: a first impression")
    parser.add_argument("--only", choices=[*AXES, "all"], help="one axis")
    parser.add_argument("--json", type=Path, default=FIGURES, metavar="FILE", help="where the raw figures go")
    parser.add_argument("--pictures", action="store_true", help="draw the large run's graph, too")
    parser.add_argument("--curve", action="store_true", help="measure nothing; print what was measured last")
    args = parser.parse_args()
    if args.curve:
        print(*curve(args.json), sep="\n")
        return 0
    found: dict[str, list[Point]] = {}
    for point in points(args.only, args.quick, args.pictures):
        found.setdefault(point.axis, []).append(point)
        if len(found[point.axis]) == (1 if point.axis == "all" else len((QUICK if args.quick else AXES)[point.axis])):
            print(*table(point.axis, found[point.axis]), "", sep="\n", flush=True)
    if not args.quick:
        keep(args.json, found)
    return 0


def keep(file: Path, found: Mapping[str, list[Point]]) -> None:
    """Put the figures into a JSON file, beside what else is there and what was measured of other axes."""
    kept = json.loads(file.read_text()) if file.exists() else {}
    axes = kept.setdefault("scale", {})
    for axis, its in found.items():
        axes[axis] = [{"sizes": asdict(point.sizes), "figures": rounded(point.figures)} for point in its]
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in figures.items()}


if __name__ == "__main__":
    sys.exit(main())
