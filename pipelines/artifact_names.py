"""Which names an artifact and the files in it may bear: GitHub's rule, so that what is kept here can be kept there."""

FORBIDDEN = {'"': "double quote", ":": "colon", "<": "less than", ">": "greater than", "|": "vertical bar"} | {
    "*": "asterisk",
    "?": "question mark",
    "\r": "carriage return",
    "\n": "line feed",
    "\0": "NUL",
}
FORBIDDEN_IN_NAME = FORBIDDEN | {"\\": "backslash", "/": "slash"}
NAME_LIMIT_BYTES = 255
PATH_LIMIT_BYTES = 2048


def artifact_name_error(name: str) -> str | None:
    """Say why `name` cannot name an artifact, or None when it can."""
    if not name:
        return "An artifact needs a name."
    if name in (".", ".."):
        return f"{name!r} cannot name an artifact: it means a folder."
    if len(name.encode("utf-8", "surrogatepass")) > NAME_LIMIT_BYTES:
        return f"The artifact name {name[:20]!r}… is longer than {NAME_LIMIT_BYTES} bytes."
    bad = next((char for char in name if char in FORBIDDEN_IN_NAME), None)
    return bad and f"The artifact name {name!r} contains a {FORBIDDEN_IN_NAME[bad]}, which is not allowed."


def artifact_path_error(path: str) -> str | None:
    """Say why a file at the relative `path` cannot be part of an artifact, or None when it can."""
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")):
        return f"The path {path!r} would lead out of the artifact."
    raw = path.encode("utf-8", "surrogateescape")
    if len(raw) > PATH_LIMIT_BYTES or any(len(part) > NAME_LIMIT_BYTES for part in raw.split(b"/")):
        return f"The path {path[:40]!r}… is too long for a file system."
    bad = next((char for char in path if char in FORBIDDEN), None)
    return bad and f"The path {path!r} contains a {FORBIDDEN[bad]}, which is not allowed in an artifact."
