"""GitHub's patterns for branches, tags and paths: `*`, `**`, `?`, `+`, `[]`, `\\` and, before a pattern, `!`.

Not regular expressions: a pattern may come from a stranger's fork, and theirs can take exponential time. Here a
pattern is a row of parts, and matching carries the set of positions that it may have reached from part to part.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from pipelines.records import dataclass

CLASS = re.compile(r"(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[A-Za-z0-9])+")
RANGE = re.compile(r"(.)-(.)|(.)", re.DOTALL)


class PatternError(ValueError):
    """A pattern that cannot be read; the message is a sentence for its author."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a pattern: `text` as it stands, one character of `chars` (None: any), or whole folders (`**/`)."""

    kind: Literal["text", "char", "folders"]
    text: str = ""
    chars: frozenset[str] | None = None
    but_slash: bool = False
    least: int = 1
    repeats: bool = False

    def advance(self, subject: str, starts: Iterable[int]) -> set[int]:
        """Return the positions in `subject` after this part, from each of `starts` (ascending)."""
        if self.kind == "folders":
            first = min(starts)
            ends = {at + 1 for at in range(first + 1, len(subject)) if subject[at] == "/"}
            return ends | set(starts)
        if self.kind == "text" and not self.repeats and self.least:
            return {at + len(self.text) for at in starts if subject.startswith(self.text, at)}
        ends = set() if self.least else set(starts)
        walked = -1
        for start in starts:
            at = start
            while at > walked and at < len(subject) and self._takes(subject[at]):
                at += 1
                ends.add(at)
                if not self.repeats:
                    break
            if self.repeats:
                walked = max(walked, at - 1)
        return ends

    def _takes(self, char: str) -> bool:
        if self.kind == "text":
            return char == self.text
        if self.chars is not None:
            return char in self.chars
        return not (self.but_slash and char == "/")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, read. `source` is as written, `negative` if it began with `!`."""

    source: str
    negative: bool
    parts: tuple[Part, ...]

    def matches(self, subject: str) -> bool:
        """Return whether the whole of `subject` fits. Time: the length of the pattern times that of `subject`."""
        positions = {0}
        for part in self.parts:
            positions = part.advance(subject, sorted(positions))
            if not positions:
                return False
        return len(subject) in positions


@dataclass(frozen=True, slots=True)
class Patterns:
    """A list of patterns in order: the last one that matches decides."""

    patterns: tuple[Pattern, ...]

    def deciding(self, subject: str) -> Pattern | None:
        """Return the last pattern that matches `subject`, or None."""
        return next((pattern for pattern in reversed(self.patterns) if pattern.matches(subject)), None)

    def includes(self, subject: str) -> bool:
        """Return whether `subject` is in: matched, and not taken out again by a later `!`."""
        pattern = self.deciding(subject)
        return pattern is not None and not pattern.negative

    def passes(self, subjects: Sequence[str], ignore: bool = False) -> bool:
        """Return whether the filter lets an event through that touches `subjects`.

        One that is in is enough; for an `…-ignore` list, one that is not. A list without patterns filters nothing.
        """
        return not self.patterns or any(self.includes(subject) is not ignore for subject in subjects)


def compile_patterns(patterns: Iterable[str]) -> Patterns:
    """Return `patterns`, read once. Raises PatternError for the first that cannot be read."""
    return Patterns(tuple(map(_read, patterns)))


def _read(source: str) -> Pattern:
    negative = source.startswith("!")
    body = source[1:] if negative else source
    if not body:
        raise PatternError(f"the pattern {source!r} is empty")
    parts: list[Part] = []
    at = 0
    while at < len(body):
        part, at = _part(source, body, at)
        if part.kind == "text" and parts and parts[-1].kind == "text" and body[at : at + 1] not in ("?", "+"):
            previous = parts[-1]
            if previous.least == 1 and not previous.repeats:
                part = Part("text", previous.text + part.text)
                parts.pop()
        at, part = _quantified(body, at, part)
        parts.append(part)
    return Pattern(source, negative, tuple(parts))


def _part(source: str, body: str, at: int) -> tuple[Part, int]:
    """Return the part that begins at `at`, without its `?` or `+`, and where it ends."""
    char = body[at]
    if char == "*":
        end = at
        while body[end : end + 1] == "*":
            end += 1
        deep = end - at > 1
        if deep and body[end : end + 1] == "/" and body[at - 1 : at] in ("", "/"):
            return Part("folders"), end + 1
        return Part("char", but_slash=not deep, least=0, repeats=True), end
    if char == "[":
        end = body.find("]", at)
        if end < 0:
            raise PatternError(f"the pattern {source!r} opens a [ that it does not close")
        inside = body[at + 1 : end]
        if not CLASS.fullmatch(inside):
            raise PatternError(f"the pattern {source!r} may hold only letters, digits and ranges of them within []")
        return Part("char", chars=_class(source, inside)), end + 1
    if char == "\\":
        if at + 1 == len(body):
            raise PatternError(f"the pattern {source!r} ends in a \\ that escapes nothing")
        return Part("text", body[at + 1]), at + 2
    return Part("text", char), at + 1


def _quantified(body: str, at: int, part: Part) -> tuple[int, Part]:
    while part.kind != "folders" and body[at : at + 1] in ("?", "+"):
        part = replace(part, least=0) if body[at] == "?" else replace(part, repeats=True)
        at += 1
    return at, part


def _class(source: str, inside: str) -> frozenset[str]:
    chars: set[str] = set()
    for first, last, single in RANGE.findall(inside):
        if single:
            chars.add(single)
        elif first > last:
            raise PatternError(f"the range {first}-{last} in the pattern {source!r} runs backwards")
        else:
            chars.update(map(chr, range(ord(first), ord(last) + 1)))
    return frozenset(chars)
