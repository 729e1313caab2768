"""What changed in a tree of files between two looks at it. Pure: from what `find` printed to names.

A file is taken for the same when everything that its inode says is the same. One whose inode changed so shortly before
a look that the clock of the file system could not tell a later change from it is not trusted the next time.
"""

from collections.abc import Iterable, Mapping

from pipelines.records import dataclass

# For GNU find: a name, then its kind and all else. The change time is the last but one.
PRINTED = r"%p\0%y %s %m %U %G %T@ %n %i %C@ %D\0"
TICK_S = 0.02  # no file system of Linux keeps times by coarser ticks of the kernel


@dataclass(frozen=True, slots=True)
class Tree:
    """What was there: what each file's inode said, by name; and when the look began, by the same clock."""

    files: Mapping[bytes, bytes]
    at_s: float = 0.0

    @classmethod
    def read(cls, printed: bytes) -> "Tree":
        """Read when the look began (`date +%s.%N`), and behind it what was printed."""
        at, *words = printed.split(b"\0")
        return cls(dict(zip(words[:-1:2], words[1::2], strict=True)), float(at))

    def settled(self) -> "Tree":
        """Return what may be compared with a later look: without what changed within a tick of this one."""
        before = self.at_s - TICK_S
        return Tree({name: facts if _changed_s(facts) < before else _kind(facts) for name, facts in self.files.items()})

    def changed_since(self, earlier: "Tree | None") -> list[bytes]:
        """Return what is to be kept of this tree by whoever has the earlier one, in the order of the look."""
        known = earlier.files if earlier is not None else {}
        return [name for name, facts in self.files.items() if known.get(name) != facts]

    def gone_since(self, earlier: "Tree | None") -> list[bytes]:
        """Return what the earlier tree has and this one has not, or has as another kind of file, topmost names only."""
        if earlier is None:
            return []
        gone = [name for name, facts in earlier.files.items() if _kind(self.files.get(name)) != _kind(facts)]
        return topmost(gone)


def topmost(names: Iterable[bytes]) -> list[bytes]:
    """Return these names without those that are below another one of them."""
    taken: list[bytes] = []
    for name in sorted(names, key=lambda name: name.split(b"/")):
        if not (taken and name.startswith(taken[-1] + b"/")):
            taken.append(name)
    return taken


def _kind(facts: bytes | None) -> bytes:
    return facts[:1] if facts else b""


def _changed_s(facts: bytes) -> float:
    return float(facts.split(b" ")[8])
