"""What a receiver's answer to a letter means: heard, try again later, or never. Pure."""

import json
from datetime import datetime
from email.utils import parsedate_to_datetime

from engine.forges.post import Answer
from engine.forges.statuses import heard_before
from pipelines.records import dataclass

FIRST_S, LONGEST_S = 5.0, 600.0
ASKED_LONGEST_S = 3600.0  # no receiver makes us wait longer than that
AGAIN = frozenset({408, 409, 423, 425, 429})  # besides 500 and above
BUSY = frozenset({429, 503})
LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """`heard`, or a `problem`; `wait_s` until another try, None when none would help.

    `everybody`: the receiver is to be left alone altogether meanwhile, not with this letter alone.
    """

    heard: bool
    problem: str = ""
    wait_s: float | None = None
    everybody: bool = False


def backoff_s(tries: int) -> float:
    """Return the wait after so many tries in vain, from 1: it doubles up to ten minutes."""
    return float(min(FIRST_S * 2.0 ** min(tries - 1, 20), LONGEST_S))


def judge(answer: Answer, forge: str, tries: int, now: datetime) -> Verdict:
    """Judge an answer to the try after `tries` in vain. `forge` is empty for a webhook of ours."""
    if 200 <= answer.code < 300 or heard_before(forge, answer.code, answer.text):
        return Verdict(True)
    problem = f"it answered {answer.code}{_said(answer.text)}"
    asked_s = _asked_s(answer, now)
    limited = answer.code == 403 and asked_s is not None  # GitHub's rate limits
    if answer.code in AGAIN or answer.code >= 500 or limited:
        everybody = limited or answer.code in BUSY
        return Verdict(False, problem, backoff_s(tries + 1) if asked_s is None else max(asked_s, 1.0), everybody)
    if 300 <= answer.code < 400:
        problem = f"it answered {answer.code}: the repository or webhook has moved; set its new url"
    return Verdict(False, problem)


def _asked_s(answer: Answer, now: datetime) -> float | None:
    """Return the seconds that a receiver asks to be left alone, None when it does not ask."""
    after = answer.headers.get("retry-after", "").strip()
    if after.isascii() and after.isdecimal():
        return min(float(after), ASKED_LONGEST_S)
    if after:
        try:
            return min(max(0.0, (parsedate_to_datetime(after) - now).total_seconds()), ASKED_LONGEST_S)
        except (ValueError, TypeError):
            return None
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdecimal():
        return min(max(0.0, float(reset) - now.timestamp()), ASKED_LONGEST_S)
    return None


def _said(text: str) -> str:
    """Return the receiver's own words, as far as they are short and plain."""
    try:
        told = json.loads(text)
        words = told.get("message") or told.get("error") or "" if isinstance(told, dict) else ""
    except (ValueError, RecursionError):
        words = text if "<" not in text else ""
    words = " ".join("".join(char if char.isprintable() else " " for char in str(words)).split())
    return f": {words[:LONGEST_PROBLEM]}" if words else ""
