"""The ledger of failures as rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.tui.presenters.runs import instant
from app.wording import age
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain

Told = Mapping[str, Any]
COLUMNS = (
    Column("passed", "PASSED", 11),
    Column("job", "JOB", 18, middle=True),
    Column("step", "STEP", 16, drop=2),
    Column("since", "SINCE", 18, drop=3),
    Column("last", "LAST", 9, drop=1),
    Column("line", "FIRST ERROR"),
)
WITH_REPO = (COLUMNS[0], Column("repo", "REPO", 18, drop=4), *COLUMNS[1:])


def failure_rows(failures: Sequence[Told], now: datetime, *, repos: bool) -> list[Row]:
    """Return a row for each failure; its id is its place in the list."""
    return [_row(number, one, now, repos) for number, one in enumerate(failures)]


def attempt_reason(attempt: Told) -> str:
    """Return why an attempt ended as it did; of a failure that comes and goes that first."""
    return "; ".join(part for part in (_known(attempt), plain(str(attempt["reason"]))) if part)


def known_flaky(job: Told | None, number: int) -> str:
    """Return what is known of how an attempt of a job failed, "" where it is not known to come and go."""
    made = () if job is None else job["attempts_made"]
    return next((_known(one) for one in made if one["number"] == number), "")


def _known(attempt: Told) -> str:
    failure = attempt.get("failure")
    if not failure or not failure["known"]:
        return ""
    return f"known flaky: {failure['passed']} of {failure['times']} passed on retry"


def _row(number: int, one: Told, now: datetime, repos: bool) -> Row:
    first, last = one["first"], one["last"]
    cells = [
        Cell(f"{one['passed']} of {one['times']}", "retrying" if one["known"] else "failed"),
        *([Cell(plain(str(one["repo"])))] if repos else []),
        Cell(plain(str(one["job"]))),
        Cell(plain(str(one["step"]))),
        Cell(f"{first['sha'][:8]} {age(instant(first['at']), now)}"),
        Cell(age(instant(last["at"]), now)),
        Cell(plain(str(one["line"]))),
    ]
    return Row(number, tuple(cells), None)
