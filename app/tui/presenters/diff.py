"""A comparison of two logs as the props of its screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.diff_words import FOLD, sums_of, title_of
from widgets.diff_screen import DiffProp
from widgets.diff_view import DiffRow

Told = Mapping[str, Any]


def diff_prop(told: Told, twin: str) -> DiffProp:
    """Return what the API tells of a comparison."""
    return DiffProp(
        title=title_of(told),
        sums=sums_of(told),
        rows=tuple(_row(row) for row in told["rows"]),
        first=told["first"],
        steps=tuple(one["index"] for one in told["steps"] if one["status"] not in ("skipped", "pending")),
        step=told["step"],
        twin=twin,
    )


def _row(row: Sequence[Any]) -> DiffRow:
    if row[0] == FOLD:
        _, count, old, new, offset, end = row
        return DiffRow(FOLD, old, new, offset, count=count, end=end)
    kind, old, new, offset, text = row
    return DiffRow(kind, old, new, offset, text)
