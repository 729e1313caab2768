"""How a comparison of two logs is said to people, the same by the command line and the terminal UI."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.wording import count_of, short_ref

Told = Mapping[str, Any]
MARKS = {"new": "+", "gone": "-", "moved": "~", "same": " ", "fold": " "}
FOLD = "fold"


def title_of(told: Told) -> str:
    """Return in a line which step of what is compared with what."""
    here, there = told["job"], told["against"]
    step = next((one["name"] for one in told["steps"] if one["index"] == told["step"]), "the whole log")
    if here["job"] == there["job"]:
        return f"{here['name']}, attempt {here['attempt']}: {step}; against attempt {there['attempt']}"
    what = f"#{there['number']} (r{there['run']}) on {short_ref(there['ref'])} {there['sha'][:8]}"
    what = what if there["name"] == here["name"] else f"{there['name']} of {what}"
    return f"{here['name']}, attempt {here['attempt']}: {step}; against {what}"


def sums_of(told: Told) -> str:
    """Return how much differs, and what was left out."""
    counts = [f"{told[kind]:,} {kind}" for kind in ("new", "gone", "moved") if told[kind]]
    parts = [f"lines: {', '.join(counts)}" if counts else "nothing differs but what differs at every run"]
    return "; ".join([*parts, *([told["why"]] if told["why"] else []), *told["notes"]])


def fold_words(row: Sequence[Any]) -> str:
    """Return what is said of lines that are alike and not shown."""
    return f"{count_of(row[1], 'line')} alike"
