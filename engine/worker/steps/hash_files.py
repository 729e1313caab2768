"""`hashFiles()`: the digest of files of the workspace, found and hashed by the box itself, matched here."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from pipelines.errors import ExpressionError
from pipelines.globs import GlobError, is_below, parse_globs

LISTED_BYTES = 64 << 20
NO_TOOL = 127
# A link to a file counts as that file, a link to a folder is not followed; what cannot be read is passed over.
LIST = r"""
command -v find >/dev/null || exit 127
while IFS= read -r root; do
  [ -e "$root" ] || continue
  find "$root" \( -type f -o -type l -exec test -f {} \; \) -print0 2>/dev/null || :
done <"$ROOTS"
"""
HASH = 'xargs -0 sha256sum <"$NAMES"'

Capture = Callable[[str, Mapping[str, str], int], tuple[int, bytes]]
Hand = Callable[[bytes], str]


def hash_files(patterns: Sequence[str], workspace: str, home: Callable[[], str], capture: Capture, hand: Hand) -> str:
    """Return one SHA-256 in hex over the digests of all files that match, folder by folder; '' when none does.

    `capture` runs a script in the box and returns its exit code and output, `hand` puts bytes into a file there and
    returns its path. Only files below the workspace count. Raises ExpressionError.
    """
    text = "\n".join(line for pattern in patterns for line in pattern.split("\n"))
    try:
        globs = parse_globs(text, workspace, home() if "~" in text else "/")
    except GlobError as error:
        _fail(str(error))
    roots = sorted({root if is_below(root, workspace) else workspace for root in globs.search_roots})
    handed = hand("".join(f"{root}\n" for root in roots).encode("utf-8", "surrogateescape"))
    code, listed = capture(LIST, {"ROOTS": handed}, LISTED_BYTES)
    if code == NO_TOOL:
        _fail("the image has no find.")
    if code or len(listed) > LISTED_BYTES:
        _fail(f"the files could not be listed (exit code {code}).")
    paths = {path.decode("utf-8", "surrogateescape") for path in listed.split(b"\0") if path}
    wanted = sorted((path for path in paths if is_below(path, workspace) and globs.matches(path)), key=_order)
    if not wanted:
        return ""
    names = hand(b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in wanted))
    code, lines = capture(HASH, {"NAMES": names}, LISTED_BYTES)
    digests = [line.lstrip(b"\\")[:64].decode("ascii", "replace") for line in lines.split(b"\n") if line]
    if code or len(digests) != len(wanted):
        _fail(f"the files could not be read (exit code {code}). The image needs xargs and sha256sum.")
    try:
        return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()
    except ValueError:
        _fail("sha256sum printed something else.")


def _order(path: str) -> list[str]:
    """As one walks through folders: all of `a/` before `a-b`, though `-` sorts before `/`."""
    return path.split("/")


def _fail(why: str) -> NoReturn:
    raise ExpressionError("evaluation", f"hashFiles: {why}")
