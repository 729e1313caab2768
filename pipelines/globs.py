"""Path globs of artifacts and caches, as @actions/glob reads them. Pure: names in, verdicts out, the disk unseen.

One pattern a line, later lines win. `*`, `?`, `[…]` stay inside a path segment, `**` as a whole segment spans any
number of them; `!` in front excludes; `#` begins a comment; `\\` takes the next character literally. A pattern that
hits a folder takes everything below it. Dot names are matched like others: hiding them is the caller's rule.
"""

import posixpath
import re

from pipelines.records import dataclass


class GlobError(ValueError):
    """A pattern that no search can answer; the message names it."""


@dataclass(frozen=True, slots=True)
class PathPattern:
    """One line. `search_root` is its literal beginning, the folder (or file) that a search has to start from."""

    text: str
    negate: bool
    search_root: str
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class PathGlobs:
    """A list of patterns over absolute, normalised paths of files."""

    patterns: tuple[PathPattern, ...]

    @property
    def search_roots(self) -> tuple[str, ...]:
        """Where to search: no root lies below another, in the order written."""
        roots = list(dict.fromkeys(pattern.search_root for pattern in self.patterns if not pattern.negate))
        return tuple(root for root in roots if not any(is_below(root, other) for other in roots))

    def matches(self, path: str) -> bool:
        """Whether the file at `path` is taken: the last pattern that hits it decides."""
        taken = False
        for pattern in self.patterns:
            if taken == pattern.negate and pattern.regex.fullmatch(path):
                taken = not taken
        return taken


def parse_globs(text: str, workspace: str, home: str) -> PathGlobs:
    """Read patterns, one a line: relative ones start in `workspace`, `~` is `home`. Raises GlobError."""
    lines = [line.strip() for line in text.split("\n")]
    return PathGlobs(tuple(_pattern(line, workspace, home) for line in lines if line and not line.startswith("#")))


def artifact_root(roots: tuple[str, ...], files: list[str]) -> str:
    """Return the folder that `files`, found under `roots`, are named from inside an artifact.

    With several roots their least common ancestor; with one that is itself the only file its folder; else the root.
    """
    if len(roots) > 1:
        return posixpath.commonpath(roots)
    return posixpath.dirname(roots[0]) if files == [roots[0]] else roots[0]


def is_below(path: str, folder: str) -> bool:
    """Whether `path` lies inside `folder` and is not the folder itself."""
    return path != folder and path.startswith(folder.rstrip("/") + "/")


def _pattern(line: str, workspace: str, home: str) -> PathPattern:
    negate, text = False, line
    while text.startswith("!"):
        negate, text = not negate, text[1:].strip()
    if not text:
        raise GlobError(f"The pattern {line!r} is empty.")
    written = [segment for segment in text.split("/") if segment]
    if any(segment == ".." or (segment == "." and index) for index, segment in enumerate(written)):
        raise GlobError(f"The pattern {line!r} may not go through '.' or '..'.")
    if text.startswith("/"):
        base: list[str] = []
    elif written[0] in (".", "~"):
        base = (workspace if written.pop(0) == "." else home).strip("/").split("/")
    else:
        base = workspace.strip("/").split("/")
    base = [segment for segment in base if segment]
    literals = [_literal(segment) for segment in written]
    fixed = next((index for index, literal in enumerate(literals) if literal is None), len(written))
    root = "/" + "/".join(base + [literal for literal in literals[:fixed] if literal is not None])
    body = "".join("/" + re.escape(segment) for segment in base) + _regex(written)
    if not (written and written[-1] == "**"):
        body += "/.+" if text.endswith("/") else "(?:/.+)?"
    return PathPattern(line, negate, root, re.compile(body, re.DOTALL))


def _regex(segments: list[str]) -> str:
    last = len(segments) - 1
    parts = []
    for index, segment in enumerate(segments):
        if segment != "**":
            parts.append("/(?=[^/])" + "".join(piece for piece, _ in _pieces(segment)))
        elif index == last:
            parts.append("(?:/.*)?")
        elif segments[index + 1] != "**":
            parts.append("(?:/[^/]+)*")
    return "".join(parts)


def _literal(segment: str) -> str | None:
    """Return the one name that `segment` stands for, or None when it has a wildcard."""
    names = [name for _, name in _pieces(segment)]
    return None if None in names else "".join(name for name in names if name is not None)


def _pieces(segment: str) -> list[tuple[str, str | None]]:
    """Split into (regular expression, the character it stands for or None)."""
    pieces: list[tuple[str, str | None]] = []
    index = 0
    while index < len(segment):
        char = segment[index]
        index += 1
        if char == "\\" and index < len(segment):
            char = segment[index]
            index += 1
        elif char == "*":
            pieces.append(("[^/]*", None))
            continue
        elif char == "?":
            pieces.append(("[^/]", None))
            continue
        elif char == "[" and (found := _CLASS.match(segment, index)):
            index = found.end()
            pieces.append(_class(bool(found[1]), found[2]))
            continue
        pieces.append((re.escape(char), char))
    return pieces


_CLASS = re.compile(r"([!^]?)(\]?(?:\\.|[^\]\\])*)\]")
_MEMBER = re.compile(r"\\?(.)(?:-\\?(.))?", re.DOTALL)


def _class(inverted: bool, body: str) -> tuple[str, str | None]:
    members = [(low, high or low) for low, high in _MEMBER.findall(body)]
    if len(members) == 1 and not inverted and members[0][0] == members[0][1]:
        return re.escape(members[0][0]), members[0][0]
    ranges = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in members if low <= high)
    if not ranges:
        return ("[^/]" if inverted else "(?!)"), None
    return f"(?!/)[{'^' if inverted else ''}{ranges}]", None
