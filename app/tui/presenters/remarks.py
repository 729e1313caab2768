"""What a run's steps have to say, as rows and texts: annotations, summaries."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.wording import place_of
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain

Told = Mapping[str, Any]
COLUMNS = (
    Column("level", "LEVEL", 9),
    Column("job", "JOB", 18, drop=2, middle=True),
    Column("step", "STEP", 18, drop=3),
    Column("place", "PLACE", 24, drop=1),
    Column("message", "MESSAGE"),
)
LOOKS = {"error": "failed", "warning": "retrying", "notice": "running"}
"""Which status a level is coloured like."""


def annotation_rows(annotations: Sequence[Told]) -> list[Row]:
    """Return a row for each annotation; its id is its place in the list."""
    return [_row(number, one) for number, one in enumerate(annotations)]


def _row(number: int, told: Told) -> Row:
    message = ": ".join(part for part in (told.get("title", ""), told["message"]) if part)
    code = f" [{told['code']}]" if told.get("code") else ""
    cells = (
        Cell(plain(str(told["level"])), LOOKS.get(told["level"], "")),
        Cell(plain(str(told["name"]))),
        Cell(plain(str(told["step_name"]))),
        Cell(plain(place_of(told))),
        Cell(plain(message + code)),
    )
    return Row(number, cells, None)


def summary_parts(summaries: Sequence[Told]) -> tuple[tuple[str, str], ...]:
    """Return each summary under the names of its job and step."""
    return tuple((plain(f"{one['name']}, {one['step_name']}"), str(one["text"])) for one in summaries)
