"""Runs as rows: what ran, of what, for whom, how long, and how long it took before."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.wording import age, duration, short_ref
from engine.core.states import RUN_FINAL
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain
from widgets.sparkline import sparkline

Told = Mapping[str, Any]
PAST = 8
COLUMNS = (
    Column("status", "STATUS", 11),
    Column("number", "RUN", 6, right=True),
    Column("workflow", "WORKFLOW", 14),
    Column("branch", "BRANCH", 14, drop=5),
    Column("title", "SUBJECT"),
    Column("event", "EVENT", 9, drop=3),
    Column("who", "WHO", 8, drop=2),
    Column("age", "AGE", 8, right=True),
    Column("time", "TIME", 8, right=True),
    Column("past", "BEFORE", PAST, drop=1),
)
WITH_REPO = (*COLUMNS[:2], Column("repo", "REPO", 14, drop=4), *COLUMNS[2:])


def run_rows(runs: Sequence[Told], here: str, now: datetime, ascii: bool = False) -> list[Row]:
    """Return the rows of runs, those of the repository `here` first, then newest first.

    `runs` are newest first, as the API gives them. The repository is among the cells when there are several.
    """
    several = has_several_repos(runs)
    before: dict[tuple[str, str], list[float]] = {}
    rows: list[tuple[bool, Row]] = []
    for run in reversed(runs):
        past = before.setdefault((run["repo"], run["workflow_path"]), [])
        rows.append((run["repo"] != here, _row(run, several, past[-PAST:], now, ascii)))
        ordinary = run["status"] == "success" and not run.get("bisect") and not run["patched"]
        if ordinary and (took_s := seconds(run, now)) is not None:
            past.append(took_s)
    rows.reverse()
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def has_several_repos(runs: Sequence[Told]) -> bool:
    return len({run["repo"] for run in runs}) > 1


def seconds(told: Told, now: datetime) -> float | None:
    """Return how long something has run, or ran; None: it has not started."""
    if told.get("started_at") is None:
        return None
    end = instant(told["finished_at"]) if told.get("finished_at") else now
    return max(0.0, (end - instant(told["started_at"])).total_seconds())


def instant(text: str) -> datetime:
    """Return the instant that the API wrote."""
    return datetime.fromisoformat(text)


def branch_of(run: Told) -> str:
    """Return the branch, tag or pull request of a run, as people name it."""
    ref = str(run["ref"])
    if ref.startswith("refs/pull/"):
        return f"#{ref.split('/')[2]}"
    return short_ref(ref)


def _marks(run: Told) -> Iterator[str]:
    """Yield what a run is that others are not."""
    if run["pinned"]:
        yield "pinned: "
    if run["held"]:
        yield "held: "
    if run["patched"]:
        yield "patched by hand: "


def _workflow(run: Told) -> str:
    """Return the name of a run's workflow: of one without `name:`, whose name is its path, that of the file."""
    name = str(run["workflow"])
    return name.rpartition("/")[2] if name == run["workflow_path"] else name


def _row(run: Told, several: bool, past: Sequence[float], now: datetime, ascii: bool) -> Row:
    status = str(run["status"])
    over = status in RUN_FINAL
    took_s = seconds(run, now)
    cells = [
        Cell("cancelling" if run["cancel_asked_at"] and not over else ""),
        Cell(f"#{run['number']}"),
        *([Cell(plain(str(run["repo"])), "dim")] if several else []),
        Cell(plain(_workflow(run)), "title"),
        Cell(plain(branch_of(run))),
        Cell(plain("".join((*_marks(run), str(run["title"]))))),
        Cell(plain(str(run["event"])).removeprefix("workflow_"), "dim"),
        Cell(plain(str(run["actor"])), "dim"),
        Cell(age(instant(run["created_at"]), now), "dim"),
        Cell(duration(took_s) if took_s is not None else ""),
        Cell(sparkline(past, PAST, ascii), "dim"),
    ]
    return Row(run["id"], tuple(cells), status)
