"""What the printed pages write alike: tables, their cells, names in a row."""

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table of rows that are written already, below these heads."""
    head = "".join(f"| {one} " if one else "| " for one in heads)
    return "\n".join([f"{head}|", "|---" * len(heads) + "|", *rows])


def cell(text: str) -> str:
    """Return a text as it may stand in a table."""
    return text.replace("|", "\\|")


def listed(words: Iterable[str]) -> str:
    """Return names in a row, each as code."""
    return ", ".join(f"`{word}`" for word in words)
