"""What a search over all logs found, as rows: whose log, which step, which line of it, and what it says."""

from collections.abc import Sequence

from app.tui.presenters.runs import Told, has_several_repos
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain

COLUMNS = (
    Column("status", "STATUS", 11, drop=2),
    Column("run", "RUN", 14, drop=3),
    Column("job", "JOB", 20, middle=True),
    Column("step", "STEP", 12, drop=1),
    Column("line", "LINE", 7, right=True),
    Column("text", "WHAT IT SAYS", least=30),
)
WITH_REPO = (*COLUMNS[:2], Column("repo", "REPO", 12, drop=1), *COLUMNS[2:])


def hit_rows(hits: Sequence[Told]) -> list[Row]:
    """Return a row for each hit, in their order; its id is its place among them. With the repository if of several."""
    several = has_several_repos(hits)
    return [_row(number, hit, several) for number, hit in enumerate(hits)]


def note(told: Told, limit: int) -> str:
    """Return what is to be known of an answer beside its lines."""
    more = f"the first {limit} lines; more words or a rarer one find less" if told["more"] else ""
    behind = "some logs have not been read yet" if told["behind"] else ""
    return ", ".join(part for part in (more, behind) if part)


def _row(number: int, hit: Told, several: bool) -> Row:
    tries = f", try {hit['attempt']}" if hit["attempt"] > 1 else ""
    cells = (
        Cell(""),
        Cell(plain(f"{hit['workflow']} #{hit['number']}")),
        *([Cell(plain(str(hit["repo"])), "dim")] if several else []),
        Cell(plain(f"{hit['name']}{tries}")),
        Cell(plain(str(hit["step_name"] or "")), "dim"),
        Cell(str(hit["line"]), "dim"),
        Cell(plain(str(hit["text"]).strip()), "title"),
    )
    return Row(number, cells, str(hit["status"]))
