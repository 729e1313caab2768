"""Snapshots as rows, with what each added to the disk; and what changed between two, as text."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from app.tui.presenters.runs import Told, instant
from app.wording import age, size
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain

COLUMNS = (
    Column("id", "SNAPSHOT", 18),
    Column("kind", "TAKEN BY", 9, drop=3),
    Column("age", "TAKEN", 10, right=True),
    Column("runs", "RUNS", 8, right=True),
    Column("jobs", "JOBS", 8, right=True, drop=2),
    Column("artifacts", "ARTIFACTS", 9, right=True, drop=1),
    Column("size", "SIZE", 10, right=True),
    Column("new", "NEW ON DISK", 11, right=True),
    Column("note", "", None),
)
SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def snapshot_rows(snapshots: Sequence[Told], damaged: Sequence[Told], now: datetime) -> list[Row]:
    """Return the rows of snapshots, those that are damaged first."""
    return [_damaged(one) for one in damaged] + [_row(one, now) for one in snapshots]


def difference(told: Told) -> str:
    """Return what changed from one snapshot to another, kind by kind."""
    head = [f"from  {told['a']['id']}", f"to    {told['b']['id']}", ""]
    return "\n".join(head + (list(_kinds(told)) or ["Nothing changed."]))


def _row(one: Told, now: datetime) -> Row:
    lacks = f"not whole: {', '.join(one['incomplete'])}" if one["incomplete"] else ""
    cells = (
        Cell(plain(str(one["id"])), "title"),
        Cell(plain(str(one["kind"])), "dim"),
        Cell(age(instant(one["created_at"]), now)),
        Cell(str(one["runs"])),
        Cell(str(one["jobs"]), "dim"),
        Cell(str(one["artifacts"]), "dim"),
        Cell(size(one["size_bytes"])),
        Cell(size(one["new_bytes"])),
        Cell(plain(lacks), "retrying"),
    )
    return Row(one["id"], cells)


def _damaged(one: Told) -> Row:
    about = f"damaged: {one['problem']}; `treadle snapshot prune {one['id']}` removes it"
    return Row(one["id"], (Cell(plain(str(one["id"])), "title"), *[Cell("")] * 7, Cell(plain(about), "failed")))


def _kinds(told: Told) -> Iterator[str]:
    for what, counts in told["counts"].items():
        many = ", ".join(f"{count} {verb}" for verb, count in counts.items() if count)
        yield f"{plain(str(what))}: {many}"
        shown = [one for one in told["changes"] if one["what"] == what]
        for one in shown:
            values = " -> ".join(plain(str(part)) for part in (one["before"], one["after"]) if part)
            yield f"  {SIGNS[one['change']]} {plain(str(one['name']))}  {values}"
        if (rest := sum(counts.values()) - len(shown)) > 0:
            yield f"  ... and {rest} more"
        yield ""
