"""What a log's lines say, as people read them: safe, progress bars settled, the marks of log commands drawn.

A line and the same line among many read alike, so that what a search finds is what is seen.
"""

import re
from typing import NamedTuple

from widgets.safe_text import safe
from widgets.sgr import SGR, TAB

_MARK = re.compile(r"^##\[(group|endgroup|error|warning|notice|debug|command|section)\](.*)$", re.MULTILINE)
_LEADS = {"command": "$ ", "error": "Error: ", "warning": "Warning: ", "notice": "Notice: "}
_BYTES_SGR = re.compile(rb"\x1b\[[0-9;:]{0,64}m")
_CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\n")
_CUT_OFF = re.compile(r"\x1b[^m\n]{0,70}\Z")


class Shown(NamedTuple):
    """A line as it is drawn. `kind` is "" for plain text, else that of its mark; `text` still has its SGR codes."""

    kind: str
    text: str


def shown(data: bytes, *, cut: bool = False) -> Shown:
    """Return how one line is drawn. `cut`: it goes on behind `data`, so that a code at the end may be half of one."""
    text = data.decode("utf-8", "replace")
    if cut:
        text = _CUT_OFF.sub("", text.rstrip("\ufffd"))
    text = safe(text)
    bare = SGR.sub("", text) if "\x1b" in text else text
    mark = _MARK.match(bare) if bare.startswith("##[") else None
    return Shown(mark[1], _drawn(mark)) if mark else Shown("", text)


def readable(data: bytes) -> str:
    """Return whole lines as plain text, without colours; there are as many lines in it as in `data`."""
    bare = _BYTES_SGR.sub(b"", data) if b"\x1b" in data else data
    if len(bare.translate(None, _CONTROLS)) < len(bare):
        text = SGR.sub("", safe(data.decode("utf-8", "replace")))
    else:
        text = bare.decode("utf-8", "replace")
        text = text if text.isascii() else safe(text)
    if "##[" in text:
        text = _MARK.sub(_drawn, text)
    return text.expandtabs(TAB) if "\t" in text else text


def _drawn(mark: re.Match[str]) -> str:
    return "" if mark[1] == "endgroup" else _LEADS.get(mark[1], "") + mark[2]
