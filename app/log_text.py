"""A job's log as a terminal shows it: safe to print, with the marks of the log commands drawn."""

import re

from app.sgr import SGR
from widgets.safe_text import safe

_MARK = re.compile(r"^##\[(group|endgroup|error|warning|notice|debug|command|section)\](.*)$", re.MULTILINE)
_END_OF_GROUP = re.compile(r"^##\[endgroup\][^\n]*(?:\n|\Z)", re.MULTILINE)
_OWN_GROUP = re.compile(rb"##\[group\](?:Run |Set up job\n)(?:[^\n]*\n)*?##\[endgroup\]\n")
_ECHO = re.compile(r"^##\[group\]Run ([^\n]+)\n\1\n##\[endgroup\]$", re.MULTILINE)
_SGR = re.compile(r"\x1b\[[0-9;:]*m")
_LOOKS = {
    "group": ("bold", "▸ "),
    "section": ("bold", ""),
    "command": ("blue", "$ "),
    "error": ("red", "Error: "),
    "warning": ("yellow", "Warning: "),
    "notice": ("cyan", "Notice: "),
    "debug": ("bright_black", ""),
}


def shown(data: bytes, colours: bool) -> str:
    """Return whole log lines as text for a terminal: safe, and with the marks drawn."""
    text = safe(data.decode("utf-8", "replace"))
    if not colours and "\x1b" in text:
        text = _SGR.sub("", text)
    return _with_marks_drawn(text, colours)


def piped(data: bytes) -> bytes:
    """Return whole log lines for a file or pipe: the marks drawn without colours, every other byte as it was."""
    if b"##[" not in data:
        return data
    return _with_marks_drawn(data.decode("utf-8", "surrogateescape"), False).encode("utf-8", "surrogateescape")


def without_introduction(data: bytes) -> bytes:
    """Return the beginning of a step's log without the group in which the engine says what it is about to run."""
    return _OWN_GROUP.sub(b"", data, count=1) if _OWN_GROUP.match(data) else data


def _with_marks_drawn(text: str, colours: bool) -> str:
    """Draw the marks; the ends of groups go, and a command that is its group's only line is not said twice."""
    if "##[" not in text:
        return text
    text = _ECHO.sub(r"##[group]Run \1", text)
    text = _END_OF_GROUP.sub("", text)
    return _MARK.sub(lambda match: _drawn(match[1], match[2], colours), text)


def _drawn(kind: str, rest: str, colours: bool) -> str:
    colour, lead = _LOOKS[kind]
    line = f"{lead}{rest}"
    return f"\x1b[{SGR[colour]}m{line}\x1b[0m" if colours else line
