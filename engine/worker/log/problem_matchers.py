"""Problem matchers: regular expressions that turn lines of a tool's output into annotations, as GitHub reads them.

`parse_matchers` reads a file of them, `ProblemMatchers` holds those of one attempt and shows it lines. The expressions
are anybody's: each search has a time limit, all searches of an attempt share a budget, and whoever exceeds one is
removed and said so. Never reads a file.
"""

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from pipelines.records import dataclass

if TYPE_CHECKING:
    import regex

FILE_LIMIT_BYTES = 256 * 1024
LINE_LIMIT_BYTES = 16 * 1024  # longer lines are no compiler's, and are not looked at
REGEXP_LIMIT = 4096
MOST = 50  # matchers of one attempt at a time
SEARCH_LIMIT_S = 1.0  # as on GitHub, where a matcher may exceed it twice
BUDGET_S = 5.0  # for all searches of an attempt together, and
BUDGET_A_LINE_S = 0.0002  # so much more for each line: tens of times what a usual one takes

PROPERTIES = ("file", "line", "column", "severity", "code", "message", "fromPath")
LEVELS = ("error", "warning", "notice")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m?")


class MatcherError(Exception):
    """A file of matchers that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line's expression, and which of its groups is what."""

    regexp: "regex.Pattern[str]"
    groups: Mapping[str, int]
    loop: bool


@dataclass(frozen=True, slots=True)
class Matcher:
    """One matcher. `told` is what it was read from."""

    owner: str
    severity: str
    patterns: tuple[Pattern, ...]
    told: Mapping[str, Any] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a matcher made of lines; `file` is relative to the workspace, or empty where it is not in there."""

    level: str
    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    code: str = ""


Fields = dict[str, str]
State = list[Fields | None]


def parse_matchers(data: bytes | str) -> list[Matcher]:
    """Return the matchers of a file (`{"problemMatcher": [...]}`). Raises MatcherError."""
    try:
        told = json.loads(data.decode("utf-8-sig") if isinstance(data, bytes) else data)
    except (ValueError, RecursionError) as error:
        raise MatcherError(f"it is no JSON: {error}") from None
    if not isinstance(told, dict) or not isinstance(found := told.get("problemMatcher") or [], list):
        raise MatcherError("it has no list `problemMatcher`")
    matchers = [_matcher(one) for one in found]
    owners = [matcher.owner.lower() for matcher in matchers]
    if twice := next((owner for owner in owners if owners.count(owner) > 1), None):
        raise MatcherError(f"the owner {twice!r} is there twice")
    return matchers


class ProblemMatchers:
    """The matchers of one attempt, the newest first. Not for several threads at a time.

    `monotonic_s` tells the time that searches take. A matcher of several lines keeps what it has seen so far: `state`
    and `restore` carry that over to another process.
    """

    def __init__(self, monotonic_s: Callable[[], float], workspace: str = "") -> None:
        self.workspace = workspace
        self._monotonic_s = monotonic_s
        self._matchers: list[Matcher] = []
        self._states: list[State] = []
        self._left_s = BUDGET_S

    @property
    def active(self) -> bool:
        """Whether any line has to be looked at."""
        return bool(self._matchers)

    @property
    def owners(self) -> list[str]:
        return [matcher.owner for matcher in self._matchers]

    def add(self, matchers: Iterable[Matcher]) -> None:
        """Add matchers; one of an owner that is there takes its place. Raises MatcherError when there are too many."""
        fresh = list(matchers)
        self.remove(matcher.owner for matcher in fresh)
        if len(fresh) + len(self._matchers) > MOST:
            raise MatcherError(f"a job may have {MOST} problem matchers at a time")
        for matcher in fresh:
            self._matchers.insert(0, matcher)
            self._states.insert(0, _nothing(matcher))

    def remove(self, owners: Iterable[str]) -> list[str]:
        """Remove the matchers of these owners; return those that were there."""
        wanted = {owner.lower() for owner in owners}
        gone = [matcher.owner for matcher in self._matchers if matcher.owner.lower() in wanted]
        for owner in gone:
            at = self.owners.index(owner)
            del self._matchers[at], self._states[at]
        return gone

    def match(self, line: str) -> tuple[Problem | None, list[str]]:
        """Show a line, without its end, to the matchers. Return what the first that knows it says, and complaints."""
        line = strip_colours(line)
        began_s = self._monotonic_s()
        problem, slow = None, list[str]()
        for matcher, state in zip(tuple(self._matchers), tuple(self._states), strict=True):
            try:
                fields = _match(matcher, state, line)
            except (TimeoutError, MemoryError, RecursionError):
                slow.append(matcher.owner)
                continue
            if fields is not None:
                self._forget_all_but(matcher)
                problem = self._problem(fields)
                if problem is not None:
                    break
        spent_s = self._monotonic_s() - began_s
        self._left_s = min(self._left_s + BUDGET_A_LINE_S - spent_s, BUDGET_S)
        if not slow and self._left_s >= 0:
            return problem, slow
        why = f"one of its expressions took more than {SEARCH_LIMIT_S:g} s for a line"
        if self._left_s < 0:
            slow, why = self.owners, "the expressions take too long"
        return problem, [f"The problem matcher {owner} is removed: {why}." for owner in self.remove(slow)]

    def state(self) -> dict[str, Any]:
        """Return, as plain JSON, which matchers there are and what they have seen."""
        return {"matchers": [dict(matcher.told) for matcher in self._matchers], "seen": self.seen()}

    def seen(self) -> list[State]:
        """Return what the matchers of several lines have seen so far."""
        return [[fields and dict(fields) for fields in state] for state in self._states]

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from another process's `state`, or from its `seen` alone."""
        if "matchers" in state:
            self._matchers = [_matcher(told) for told in state["matchers"]]
        self._states = [list(seen) for seen in state["seen"]]

    def relative(self, path: str, base: str = "") -> str:
        """Return `path`, if it is relative to `base`'s folder, as seen from the workspace; '' outside of it."""
        if base and not path.startswith("/"):
            path = posixpath.join(posixpath.dirname(base), path)
        whole = posixpath.normpath(posixpath.join(self.workspace or "/", path))
        found = posixpath.relpath(whole, self.workspace or "/")
        return "" if found == "." or found.split("/")[0] == ".." else found

    def _forget_all_but(self, matcher: Matcher) -> None:
        for one, state in zip(self._matchers, self._states, strict=True):
            if one is not matcher:
                state[:] = _nothing(one)

    def _problem(self, fields: Fields) -> Problem | None:
        """Return what was found, None where it has no message or a level that there is not."""
        level = (fields.get("severity") or "error").lower()
        message = fields.get("message", "")
        if not message.strip() or level not in LEVELS:
            return None
        file = fields.get("file", "")
        return Problem(
            level,
            message,
            self.relative(file.replace("\\", "/"), fields.get("fromPath", "")) if file.strip() else "",
            _number(fields.get("line", "")),
            _number(fields.get("column", "")),
            fields.get("code", "").strip(),
        )


def strip_colours(line: str) -> str:
    """Return a line as matchers see it, and as the log shows one that matched."""
    return _COLOUR.sub("", line) if "\x1b[" in line else line


def _match(matcher: Matcher, state: State, line: str) -> Fields | None:
    """Show a line to one matcher, whose `state` holds what each but the last of its patterns has seen."""
    last = len(matcher.patterns) - 1
    for at in range(last, -1, -1):
        before = state[at - 1] if at else {}
        if before is None:
            continue
        pattern = matcher.patterns[at]
        found = pattern.regexp.search(line, timeout=SEARCH_LIMIT_S)
        if found is None:
            if last:
                state[min(at, last - 1)] = None  # the last pattern breaks what came before it, another one itself
            continue
        fields = {**{name: found[group] or "" for name, group in pattern.groups.items()}, **before}
        if at < last:
            state[at] = fields
            continue
        if last:
            state[:] = _nothing(matcher)
            if pattern.loop:
                state[last - 1] = before
        return {"severity": matcher.severity, **{name: value for name, value in fields.items() if value}}
    return None


def _nothing(matcher: Matcher) -> State:
    return [None] * (len(matcher.patterns) - 1)


def _matcher(told: Any) -> Matcher:
    if not isinstance(told, dict):
        raise MatcherError("a matcher has to be an object")
    owner, severity = told.get("owner"), told.get("severity") or ""
    if not isinstance(owner, str) or not owner:
        raise MatcherError("a matcher has no owner")
    if not isinstance(severity, str) or severity.lower() not in ("", *LEVELS):
        raise MatcherError(f"matcher {owner!r}: its severity {severity!r} is none of {', '.join(LEVELS)}")
    listed = told.get("pattern")
    if not isinstance(listed, list) or not listed:
        raise MatcherError(f"matcher {owner!r} has no list of patterns")
    patterns = []
    for number, one in enumerate(listed):
        try:
            patterns.append(_pattern(one, first=number == 0, last=number == len(listed) - 1))
        except MatcherError as error:
            raise MatcherError(f"matcher {owner!r}, pattern {number + 1}: {error}") from None
    named = [name for pattern in patterns for name in pattern.groups]
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise MatcherError(f"matcher {owner!r}: {twice} is set twice")
    if "message" not in named:
        raise MatcherError(f"matcher {owner!r}: no pattern sets message")
    return Matcher(owner, severity, tuple(patterns), told)


def _pattern(told: Any, first: bool, last: bool) -> Pattern:
    if not isinstance(told, dict) or not isinstance(text := told.get("regexp") or "", str):
        raise MatcherError("it has no regexp")
    if len(text) > REGEXP_LIMIT:
        raise MatcherError(f"its regexp is longer than {REGEXP_LIMIT} characters")
    import regex  # few jobs have matchers, and it takes its time

    try:
        found = regex.compile(text, regex.ASCII | regex.VERSION0)
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise MatcherError(f"its regexp is none: {error}") from None
    groups = {name: _group(name, told[name], found.groups) for name in PROPERTIES if told.get(name) is not None}
    loop = told.get("loop") is True
    if loop and (first or not last):
        raise MatcherError("only the last of several patterns may loop")
    if loop and "message" not in groups:
        raise MatcherError("a pattern that loops has to set message")
    return Pattern(found, groups, loop)


def _group(name: str, told: Any, groups: int) -> int:
    number = int(told) if isinstance(told, str) and told.isascii() and told.isdigit() else told
    if not isinstance(number, int) or isinstance(number, bool):
        raise MatcherError(f"{name} has to be the number of a group")
    if not 0 <= number <= groups:
        raise MatcherError(f"{name} is set to {number}, and there are {groups} groups")
    return number


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
