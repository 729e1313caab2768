"""`hashFiles()`: the digest of files of the workspace, found and hashed by the box itself, matched here."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from pipelines.errors import ExpressionError
from pipelines.globs import GlobError, is_below, parse_globs

LISTED_BYTES = 64 << 20
LIST = 'find "$WORKSPACE" -type f -print0'
HASH = 'xargs -0 sha256sum <"$NAMES"'

Capture = Callable[[str, Mapping[str, str], int], tuple[int, bytes]]
Hand = Callable[[bytes], str]


def hash_files(patterns: Sequence[str], workspace: str, home: Callable[[], str], capture: Capture, hand: Hand) -> str:
    """Return one SHA-256 in hex over all files that match, in the order of their paths; '' when none does.

    `capture` runs a script in the box and returns its exit code and output, `hand` puts bytes into a file there and
    returns its path. Only files below the workspace count. Raises ExpressionError.
    """
    text = "\n".join(line for pattern in patterns for line in pattern.split("\n"))
    try:
        globs = parse_globs(text, workspace, home() if "~" in text else "/")
    except GlobError as error:
        raise ExpressionError("evaluation", f"hashFiles: {error}") from None
    _, listed = capture(LIST, {"WORKSPACE": workspace}, LISTED_BYTES)
    paths = [path.decode("utf-8", "surrogateescape") for path in listed.split(b"\0") if path]
    wanted = sorted(path for path in paths if is_below(path, workspace) and globs.matches(path))
    if not wanted:
        return ""
    names = hand(b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in wanted))
    code, lines = capture(HASH, {"NAMES": names}, LISTED_BYTES)
    digests = [line.lstrip(b"\\")[:64].decode() for line in lines.splitlines()]
    if code != 0 or len(digests) != len(wanted):
        raise ExpressionError("evaluation", "hashFiles: the files could not be read (is there sha256sum in the image?)")
    return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()
