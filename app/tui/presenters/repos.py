"""Repositories as rows: where they are, what makes them run, and how they stood last."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.tui.presenters.runs import instant
from app.wording import age, duration
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain

Told = Mapping[str, Any]
COLUMNS = (
    Column("status", "LAST RUN", 11),
    Column("name", "REPO", 22),
    Column("branch", "BRANCH", 12, drop=3),
    Column("forge", "FORGE", 8, drop=2),
    Column("by", "RUNS BY", 22, drop=4),
    Column("event", "LAST EVENT", 24, drop=1),
    Column("sync", "LOOKED AT", 10, right=True, drop=5),
    Column("url", "FROM"),
)


def repo_rows(repos: Sequence[Told], now: datetime) -> list[Row]:
    """Return the rows of repositories, by name as they came."""
    return [_row(repo, now) for repo in repos]


def triggers_of(repo: Told) -> str:
    """Return what makes a repository's workflows run, beside `treadle run`."""
    if not repo["configured"]:
        return "not configured"
    ways = [f"watches {repo['watch']}"] if repo["watch"] else []
    ways += [f"polls each {duration(repo['poll_s'])}"] if repo["poll_s"] else []
    ways += ["webhook" if repo["secret"] else "webhook (no secret)"] if repo["forge"] != "none" else []
    return ", ".join(ways) or "nothing"


def _row(repo: Told, now: datetime) -> Row:
    run, event, sync = repo["last_run"], repo["last_event"], repo["last_sync"]
    heard = f"{event['kind']} ({event['source']}) {age(instant(event['received_at']), now)}" if event else ""
    problem = (sync and sync["problem"]) or (event and event["problem"]) or repo.get("untold") or ""
    return Row(
        repo["name"],
        (
            Cell("" if run else "none", "" if run else "dim"),
            Cell(plain(str(repo["name"])), "title"),
            Cell(plain(str(repo["default_branch"] or "")).removeprefix("refs/heads/")),
            Cell(plain(str(repo["forge"] or "")), "dim"),
            Cell(triggers_of(repo), "dim"),
            Cell(plain(heard), "dim"),
            Cell(age(instant(sync["at"]), now) if sync else "", "dim"),
            Cell(plain(str(problem)), "failed") if problem else Cell(plain(str(repo["url"] or "")), "dim"),
        ),
        str(run["status"]) if run else None,
    )
