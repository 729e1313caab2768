"""Searches for the commit that broke a job, and one of them, as rows and words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.wording import age_of
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain

Told = Mapping[str, Any]
SHORT = 12
LIKE = {"good": "success", "bad": "failed", "skip": "skipped", None: "running"}
WORDS = {"good": "works", "bad": "fails", "skip": "passed over", None: "running"}
COLUMNS = (
    Column("number", "TRIAL", 6, right=True),
    Column("verdict", "IT", 12),
    Column("sha", "COMMIT", SHORT),
    Column("subject", "SUBJECT"),
    Column("run", "RUN", 7, right=True, drop=1),
    Column("why", "WHY", 34, drop=2),
)

SEARCHES = (
    Column("number", "BISECT", 6, right=True),
    Column("status", "STATUS", 11),
    Column("job", "JOB", 18, middle=True),
    Column("repo", "REPO", 18, drop=3),
    Column("outcome", "COMMIT"),
    Column("run", "RUN", 7, right=True, drop=2),
    Column("age", "AGE", 9, right=True, drop=1),
)
FOUND = "success"
"""The status that a search which has found its commit is painted like; its word stays its own."""


def search_rows(searches: Sequence[Told], now: datetime) -> list[Row]:
    """Return a row for each search, as the API gives them: newest first."""
    return [_search_row(told, now) for told in searches]


def trial_rows(told: Told) -> list[Row]:
    """Return the trials, in the order in which they came."""
    return [_row(number, trial) for number, trial in enumerate(told["trials"], 1)]


def proposal_words(told: Told) -> str:
    """Return what a search would take, as sentences."""
    among = _commits(told["left"])
    known = f" Ordinary runs have narrowed {_commits(told['commits'])} down to it." if told["known"] else ""
    good = f"{told['good'][:SHORT]} worked" + (f" (run r{told['good_run']})" if told["good_run"] else "")
    if not told["trials"]:
        return f"{good}, and {among} came after it: no run is needed.{known}"
    return (
        f"{good}, and {among} came after it up to the one that fails: about {told['trials']} runs of this job and what "
        f"it needs, one after the other, when nothing else waits.{known}"
    )


def heading(told: Told) -> str:
    """Return in a few words how far it is."""
    if told["status"] != "running":
        return str(told["status"])
    return f"trial {max(1, len(told['trials']))} of ~{told['expected']}  {_commits(told['left'])} left"


def verdict_lines(told: Told) -> list[str]:
    """Return what came of it, who is named and by which proof; while it goes on, between what it looks."""
    culprit = told["culprit"]
    if culprit is None:
        if told["status"] != "running":
            return [plain(str(told["reason"])), *(f"  {sha[:SHORT]}" for sha in told["suspects"][:10])]
        among = _commits(told["commits"])
        return [f"{told['good'][:SHORT]} works, {told['bad'][:SHORT]} fails: one of {among} is to blame."]
    bad = f"fails in run r{culprit['bad_run']}" if culprit["bad_run"] else "is said to fail"
    good = f"works in run r{culprit['good_run']}" if culprit["good_run"] else "is said to work"
    sure = ", also when tried again" if culprit["confirmed"] else ""
    return [
        f"{culprit['sha'][:SHORT]} is the first commit that fails: {plain(str(culprit['subject']))}",
        f"by {plain(str(culprit['author']))} <{plain(str(culprit['email']))}>, {culprit['at'][:16].replace('T', ' ')}",
        f"It {bad}{sure}; {culprit['good_sha'][:SHORT]}, before it, {good}.",
    ]


def _search_row(told: Told, now: datetime) -> Row:
    status, culprit = str(told["status"]), told["culprit"]
    if culprit is not None:
        outcome = Cell(f"{culprit['sha'][:SHORT]} {plain(str(culprit['subject']))}", "title")
    else:
        outcome = Cell(heading(told) if status == "running" else plain(str(told["reason"])), "dim")
    cells = (
        Cell(str(told["id"]), "dim"),
        Cell("found" if status == "found" else "", "status"),
        Cell(plain(str(told["job"]["name"]))),
        Cell(plain(str(told["repo"]))),
        outcome,
        Cell(f"r{told['run']}", "dim"),
        Cell(age_of(told["created_at"], now), "dim"),
    )
    return Row(told["id"], cells, FOUND if status == "found" else status)


def _commits(count: int) -> str:
    return f"{count} commit" if count == 1 else f"{count} commits"


def _row(number: int, trial: Told) -> Row:
    verdict = trial["verdict"]
    run = f"r{trial['run']}" if trial["run"] else ""
    more = "once more, to make sure" if trial["again"] else "a run that was there" if trial["ordinary"] else ""
    why = ", ".join(part for part in (more, str(trial["why"]) if verdict in ("bad", "skip") else "") if part)
    cells = (
        Cell(str(number), "dim"),
        Cell(WORDS[verdict], LIKE[verdict]),
        Cell(trial["sha"][:SHORT], "title"),
        Cell(plain(str(trial["subject"]))),
        Cell(run, "dim"),
        Cell(plain(why), "dim"),
    )
    return Row(number, cells)
