"""Which commit to try next, in search of the one that broke a job, as `git bisect` does on a graph. Pure.

There is one culprit, and every commit that it is an ancestor of fails as it does. A commit that cannot be told is
passed over; where only such commits are left, the culprit is one of several.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import ceil, log2

from pipelines.records import dataclass


class Verdict(StrEnum):
    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"  # it tells nothing: the job could not be tried there, or broke in another way


@dataclass(frozen=True, slots=True)
class Try:
    """Try `sha` next; `left` commits may still be the culprit."""

    sha: str
    left: int


@dataclass(frozen=True, slots=True)
class Found:
    """`sha` is the first bad commit."""

    sha: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """The culprit is one of these, oldest first: all but the last were passed over."""

    shas: tuple[str, ...]


class Range:
    """The commits that may be the culprit: what `bad` leads back to, itself included, but no good commit does.

    `parents` holds exactly these commits, each with its parents (those outside do not matter), `bad` among them.
    """

    def __init__(self, bad: str, parents: Mapping[str, Sequence[str]]) -> None:
        self.bad = bad
        self.order = _oldest_first(bad, parents)
        self._bit = {sha: 1 << place for place, sha in enumerate(self.order)}
        self._reach: dict[str, int] = {}
        for sha in self.order:
            mask = self._bit[sha]
            for parent in parents[sha]:
                mask |= self._reach.get(parent, 0)
            self._reach[sha] = mask

    def __len__(self) -> int:
        return len(self.order)

    def __contains__(self, sha: object) -> bool:
        return sha in self._bit

    def leads_to(self, sha: str, ancestor: str) -> bool:
        """Return whether `ancestor` is `sha` or behind it. Both are of the range."""
        return bool(self._reach[sha] & self._bit[ancestor])

    def next(self, verdicts: Mapping[str, Verdict]) -> Try | Found | OneOf:
        """Return what to do after these verdicts, given in the order in which they came.

        Those on commits outside the range do not matter, nor does a bad commit that a good one leads back to: what was
        broken there is mended since.
        """
        left, _ = self._left(verdicts)
        suspects = self._members(left)
        if len(suspects) == 1:
            return Found(suspects[0])
        untried = [sha for sha in suspects[:-1] if verdicts.get(sha) is not Verdict.SKIP]
        if not untried:
            return OneOf(tuple(suspects))
        return Try(self._choose(untried, left, len(suspects)), len(suspects))

    def that_narrow(self, known: Mapping[str, Verdict]) -> tuple[str, ...]:
        """Return those of the commits with a verdict that spare a trial; the others tell nothing new."""
        newest_first = sorted((sha for sha in known if sha in self), key=self.order.index, reverse=True)
        goods = {sha: known[sha] for sha in newest_first if known[sha] is Verdict.GOOD}
        bads = {sha: known[sha] for sha in reversed(newest_first) if known[sha] is Verdict.BAD}
        return self._left(goods | bads)[1]

    def last_good(self, culprit: str, parents: Sequence[str], verdicts: Mapping[str, Verdict]) -> str | None:
        """Return the tried commit that says that the culprit's parents are good: one itself, or what leads back to it.

        None: it was no commit of the range.
        """
        goods = [sha for sha, verdict in verdicts.items() if verdict is Verdict.GOOD and sha in self]
        for parent in parents:
            if parent in goods:
                return parent
        return next((sha for parent in parents if parent in self for sha in goods if self.leads_to(sha, parent)), None)

    def _left(self, verdicts: Mapping[str, Verdict]) -> tuple[int, tuple[str, ...]]:
        """Return the commits that may still be the culprit, and which verdicts it took."""
        left, took = self._reach[self.bad], []
        for wanted in (Verdict.GOOD, Verdict.BAD):
            for sha, verdict in verdicts.items():
                if verdict is not wanted or sha not in self:
                    continue
                rest = left & ~self._reach[sha] if wanted is Verdict.GOOD else left & self._reach[sha]
                if wanted is Verdict.BAD and not left & self._bit[sha]:
                    continue
                if rest and rest != left:
                    left = rest
                    took.append(sha)
        return left, tuple(took)

    def _members(self, mask: int) -> list[str]:
        digits = f"{mask:b}"
        return [sha for sha, digit in zip(self.order, reversed(digits), strict=False) if digit == "1"]

    def _choose(self, untried: Sequence[str], left: int, count: int) -> str:
        """Return the commit that halves what is left best; once some were passed over, one farther off each time.

        What stands beside a commit that cannot be tried can often not be tried either: twice as far each time, now
        among the older and now among the newer, until it is the oldest or the newest of all.
        """
        passed_over = count - 1 - len(untried)

        def worth(sha: str) -> int:
            behind = (self._reach[sha] & left).bit_count()
            return min(behind, count - behind)

        best_first = sorted(untried, key=worth, reverse=True)
        other_side = passed_over % 2  # of two neighbours in this order one is older, one newer than the middle
        return (
            best_first[max(0, min(2**passed_over, len(best_first) - 1) - other_side)] if passed_over else best_first[0]
        )


def trials(commits: int) -> int:
    """Return about how many runs a search among so many commits takes, the last of which makes sure."""
    return 0 if commits <= 1 else ceil(log2(commits)) + 1


def _oldest_first(bad: str, parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the commits that `bad` leads back to, each behind its parents."""
    order: list[str] = []
    done: set[str] = set()
    stack = [(bad, iter(parents[bad]))]
    done.add(bad)
    while stack:
        sha, rest = stack[-1]
        parent = next((one for one in rest if one in parents and one not in done), None)
        if parent is None:
            order.append(sha)
            stack.pop()
        else:
            done.add(parent)
            stack.append((parent, iter(parents[parent])))
    return order
