"""Artifacts as rows: which run left what, how much it is, and until when it is kept; and one's files."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.tui.presenters.runs import instant
from app.wording import age, size
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain

Told = Mapping[str, Any]
DAY_S = 86_400
FILE_COLUMNS = (
    Column("mode", "MODE", 10, drop=1),
    Column("size", "SIZE", 10, right=True),
    Column("path", "PATH"),
    Column("link", "LEADS TO", 20, drop=2),
)
COLUMNS = (
    Column("run", "RUN", 7, right=True),
    Column("workflow", "WORKFLOW", 20, drop=3),
    Column("repo", "REPO", 16, drop=1),
    Column("job", "JOB", 18, drop=2, middle=True),
    Column("name", "NAME"),
    Column("size", "SIZE", 10, right=True),
    Column("files", "FILES", 6, right=True),
    Column("age", "AGE", 8, right=True),
    Column("kept", "KEPT UNTIL", 10, right=True, drop=4),
)


def artifact_rows(artifacts: Sequence[Told], now: datetime) -> list[Row]:
    """Return the rows of artifacts, in the order they came."""
    return [
        Row(
            one["id"],
            (
                Cell(f"r{one['run']}", "dim"),
                Cell(plain(f"{one['workflow']} #{one['run_number']}")),
                Cell(plain(str(one["repo"])), "dim"),
                Cell(plain(str(one["job_name"]))),
                Cell(plain(str(one["name"])), "title"),
                Cell("damaged", "failed") if one.get("damaged") else Cell(size(one["size_bytes"])),
                Cell(str(one["files"]), "dim"),
                Cell(age(instant(one["created_at"]), now), "dim"),
                Cell(*_kept(one["kept_until"], now)),
            ),
        )
        for one in artifacts
    ]


def file_rows(files: Sequence[Told]) -> list[Row]:
    """Return a row for each file of an artifact: permissions, size, path, where a link leads. Its id is its place."""
    return [
        Row(
            number,
            (
                Cell(_mode(one["mode"], "-" if one["link"] is None else "l"), "dim"),
                Cell(size(one["size_bytes"]) if one["link"] is None else ""),
                Cell(plain(str(one["path"])), "title"),
                Cell("" if one["link"] is None else plain(f"-> {one['link']}"), "dim"),
            ),
        )
        for number, one in enumerate(files)
    ]


def _mode(mode: int, kind: str) -> str:
    letters = "rwxrwxrwx"
    return kind + "".join(char if mode >> (8 - place) & 1 else "-" for place, char in enumerate(letters))


def _kept(until: str | None, now: datetime) -> tuple[str, str]:
    """Return until when an artifact is kept, and how that looks: a warning on its last day."""
    if until is None:
        return "pinned", "dim"
    left_s = (instant(until) - now).total_seconds()
    return instant(until).astimezone().strftime("%Y-%m-%d"), "retrying" if left_s < DAY_S else "dim"
