"""How a search for a commit reads in a terminal: each trial as it comes, and who is named at the end."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.cli.output import colour_wanted, paint, table, terminal_width
from app.wording import age_of, count_of
from engine.core.clock import SystemClock
from engine.core.states import BisectStatus
from widgets.safe_text import plain

Told = Mapping[str, Any]
WORDS = {"good": ("green", "green"), "bad": ("red", "red"), "skip": ("passed over", "yellow")}
SHORT = 7


class Teller:
    """Prints a search as it goes on. `live`: a trial that runs is on the screen before it is over."""

    def __init__(self, as_json: bool, live: bool) -> None:
        self._json = as_json
        self._live = live
        self._told = 0  # trials that are over and have been told
        self._open = False  # the last line is of one that runs
        self._colours = colour_wanted(sys.stdout)

    def begin(self, told: Told) -> None:
        if self._json:
            self._line({"type": "bisect", **told})
            return
        among = count_of(told["commits"], "commit")
        self._say(
            f"Bisect {told['id']} of {plain(told['job']['name'])} in {plain(told['workflow'])}: {among} after "
            f"{_end(told['good'], told['good_run'], 'good')}, up to {_end(told['bad'], told['bad_run'], 'bad')}."
        )
        self.show(told)

    def show(self, told: Told) -> None:
        """Tell what is new: every trial that is over, and on a terminal the one that runs."""
        trials: Sequence[Told] = told["trials"]
        while self._told < len(trials) and trials[self._told]["verdict"] is not None:
            trial = trials[self._told]
            self._told += 1
            if self._json:
                self._line({"type": "trial", "bisect": told["id"], "number": self._told, **trial})
                continue
            if not self._open:
                self._write(self._trial(self._told, told, trial))
            self._open = False
            self._say(self._verdict(trial))
        if self._live and not self._open and self._told < len(trials):
            self._open = True
            self._write(self._trial(self._told + 1, told, trials[self._told]))

    def end(self, told: Told) -> None:
        if self._json:
            self._line({"type": "bisect", **told})
            return
        if self._open:
            self._say("")
        if told["status"] == BisectStatus.FOUND:
            self._say(*culprit_lines(told, self._colours))
        else:
            self._say(paint(plain(told["reason"]) or str(told["status"]), "bold", self._colours))

    def _trial(self, number: int, told: Told, trial: Told) -> str:
        about = told["expected"] if told["status"] == BisectStatus.RUNNING else len(told["trials"])
        again = " once more" if trial["again"] else ""
        sign = "" if told["status"] != BisectStatus.RUNNING else "~"
        return f'trial {number} of {sign}{about}: {trial["sha"][:SHORT]} "{plain(trial["subject"])}"{again} … '

    def _verdict(self, trial: Told) -> str:
        word, colour = WORDS[trial["verdict"]]
        said = paint(word, colour, self._colours)
        where = f", run {trial['run']}" + (" of its own" if trial["ordinary"] else "") if trial["run"] else ""
        return said + where + (f" ({plain(trial['why'])})" if trial["verdict"] == "skip" else "")

    def _say(self, *lines: str) -> None:
        print(*lines, sep="\n", flush=True)

    def _write(self, text: str) -> None:
        print(text, end="", flush=True)

    def _line(self, told: Told) -> None:
        print(json.dumps(told, separators=(",", ":")), flush=True)


def culprit_lines(told: Told, colours: bool = False) -> list[str]:
    """Return who is named, and what proves it."""
    culprit = told["culprit"]
    at = datetime.fromisoformat(culprit["at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    failed = f"It failed in run {culprit['bad_run']}" if culprit["bad_run"] else "It is said to fail"
    passed = f"passed in run {culprit['good_run']}" if culprit["good_run"] else "is said to work"
    proof = f"{failed}; {culprit['good_sha'][:SHORT]}, before it, {passed}."
    made_sure = " It failed when it was tried again." if culprit["confirmed"] else ""
    return [
        f"{paint(culprit['sha'], 'red', colours)} is the first commit that fails.",
        f"  {paint(plain(culprit['subject']), 'bold', colours)}",
        f"  {plain(culprit['author'])} <{plain(culprit['email'])}>, {at}",
        f"  {proof}{made_sure}",
    ]


def search_lines(searches: Sequence[Told]) -> list[str]:
    """Return searches as a table."""
    now = SystemClock().now()
    rows = [
        [
            str(one["id"]),
            one["status"],
            one["job"]["name"],
            one["workflow"],
            f"{one['good'][:SHORT]}..{one['bad'][:SHORT]}",
            f"{len(one['trials'])} of {one['expected']}",
            one["culprit"]["sha"][:SHORT] if one["culprit"] else "",
            (one["culprit"] or {}).get("subject") or one["reason"],
            age_of(one["created_at"], now),
        ]
        for one in searches
    ]
    header = ("ID", "STATUS", "JOB", "WORKFLOW", "RANGE", "TRIALS", "CULPRIT", "SUBJECT", "AGE")
    width = terminal_width()
    return table(header, rows, header.index("SUBJECT"), width, colour_wanted(sys.stdout), ("WORKFLOW", "TRIALS", "AGE"))


def _end(sha: str, run: int | None, word: str) -> str:
    return f"{sha[:SHORT]} ({word}, run {run})" if run else f"{sha[:SHORT]} ({word})"
