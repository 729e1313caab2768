"""A job's log as a terminal shows it: safe to print, with the marks of the log commands drawn."""

import re

from app.cli.output import SGR
from widgets.safe_text import safe

_MARK = re.compile(r"^##\[(group|endgroup|error|warning|notice|debug|command|section)\](.*)$", re.MULTILINE)
_END_OF_GROUP = re.compile(r"^##\[endgroup\][^\n]*(?:\n|\Z)", re.MULTILINE)
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
    """Return whole log lines as text for a terminal; the same number of lines, but for the ends of groups."""
    text = safe(data.decode("utf-8", "replace"))
    if not colours and "\x1b" in text:
        text = _SGR.sub("", text)
    if "##[" in text:
        text = _END_OF_GROUP.sub("", text)
        text = _MARK.sub(lambda match: _drawn(match[1], match[2], colours), text)
    return text


def _drawn(kind: str, rest: str, colours: bool) -> str:
    colour, lead = _LOOKS[kind]
    line = f"{lead}{rest}"
    return f"\x1b[{SGR[colour]}m{line}\x1b[0m" if colours else line
