"""A list as a command prints it: a table, JSON, or a sentence where there is nothing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.cli.output import print_json, print_table, talk
from engine.core.clock import SystemClock
from pipelines.records import dataclass

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """What is the same of every list of a kind: `row` gives the cells of one thing, under `header`, as of an instant.

    Where the terminal is narrow the column `flexible` gives way, then the `spare` ones go; `nothing` is said of none.
    """

    header: tuple[str, ...]
    row: Callable[[Told, datetime], Sequence[str]]
    flexible: str
    nothing: str
    spare: tuple[str, ...] = ()

    def show(self, found: Sequence[Told], *, as_json: bool) -> None:
        if as_json:
            print_json(found)
        elif not found:
            talk(self.nothing)
        else:
            now = SystemClock().now()
            print_table(self.header, [self.row(one, now) for one in found], self.flexible, self.spare)
