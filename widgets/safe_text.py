"""Text that a job wrote, made safe to show: SGR colours stay, nothing else can move, hide or command a terminal.

Whole lines go in. A control sequence that is cut off, nested or unknown loses its escape character, so that
what is left of it is shown as the plain text that it then is. Characters that turn the order of writing round, that
nobody sees, or whose width terminals do not agree on, are left out: every text takes the cells that it seems to take,
and two that look alike are alike.
"""

import re

_STRAY = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"  # a lone surrogate is half a character
_BREAKS = "\u2028\u2029"
_LEFT_OUT = (
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the direction of writing
    "\xad\u034f\u115f\u1160\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"  # unseen
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ufe00-\ufe0f\U0001f3fb-\U0001f3ff"  # the form or skin of the emoji before: in no cell, in one, or in two
)
_SEQUENCES = (
    r"(?P<sgr>\x1b\[[0-9;:]{0,64}m)"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # any other CSI: cursor, erase, modes, reports
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # OSC (title, clipboard, links), DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"  # charsets, reset, save and restore
)
_CONTROL = re.compile(f"{_SEQUENCES}|[{_LEFT_OUT}]+|(?P<other>[{_STRAY}{_BREAKS}])")
_CLEAN = re.compile(f"[^{_STRAY}{_BREAKS}{_LEFT_OUT}]*")
_SGR = re.compile(r"\x1b\[[0-9;:]*m")
# The same for most texts, and quicker:
_CONTROL_ASCII = re.compile(rf"{_SEQUENCES}|(?P<other>[\x00-\x08\x0b-\x1f\x7f])")
_CLEAN_ASCII = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f]*")


def safe(text: str) -> str:
    """Return `text` with SGR kept, other control sequences dropped and stray control characters made visible.

    A carriage return within a line keeps what was written last, as a terminal would have shown it.
    """
    ascii = text.isascii()
    if (_CLEAN_ASCII if ascii else _CLEAN).fullmatch(text):
        return text
    if "\r" in text:
        text = "\n".join(_settle(line) for line in text.split("\n"))
    return (_CONTROL_ASCII if ascii else _CONTROL).sub(_replacement, text)


def uncoloured(text: str) -> str:
    """Return `text` as `safe` does, line by line, without colours."""
    return "\n".join(_SGR.sub("", safe(line)) for line in text.splitlines())


def plain(text: str) -> str:
    """Return `text` on one line without any control character or sequence: for names, titles and reasons."""
    ascii = text.isascii()
    if text.isprintable() and (ascii or _CLEAN.fullmatch(text)):
        return text
    text = (_CONTROL_ASCII if ascii else _CONTROL).sub(_plain_replacement, text)
    return " ".join(text.split())


def plain_line(text: str) -> str:
    """Return `text` on one line as `plain` does, with the blanks that lay it out."""
    return _SGR.sub("", safe(text.expandtabs(4))).replace("\n", " ")


def _settle(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def _plain_replacement(match: re.Match[str]) -> str:
    return "" if match["sgr"] else _replacement(match)


def _replacement(match: re.Match[str]) -> str:
    if match["sgr"]:
        return match["sgr"]
    char = match["other"]
    if not char:
        return ""
    if char in _BREAKS:
        return " "
    code = ord(char)
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
