"""Text that a job wrote, made safe to show: SGR colours stay, nothing else can move, hide or command a terminal.

Whole lines go in. A control sequence that is cut off, nested or unknown loses its escape character, so that
what is left of it is shown as the plain text that it then is.
"""

import re

_CONTROL = re.compile(
    r"(?P<sgr>\x1b\[[0-9;:]{0,64}m)"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # any other CSI: cursor, erase, modes, reports
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # OSC (title, clipboard, links), DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"  # charsets, reset, save and restore
    r"|(?P<other>[\x00-\x08\x0b-\x1f\x7f-\x9f])"
)
_SUSPECT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def safe(text: str) -> str:
    """Return `text` with SGR kept, other control sequences dropped and stray control characters made visible.

    A carriage return within a line keeps what was written last, as a terminal would have shown it.
    """
    if not _SUSPECT.search(text):
        return text
    if "\r" in text:
        text = "\n".join(_settle(line) for line in text.split("\n"))
    return _CONTROL.sub(_replacement, text)


def plain(text: str) -> str:
    """Return `text` on one line without any control character or sequence: for names, titles and reasons."""
    if text.isprintable():
        return text
    text = _CONTROL.sub(lambda match: "" if match["sgr"] else _replacement(match), text)
    return " ".join(text.split())


def _settle(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def _replacement(match: re.Match[str]) -> str:
    if match["sgr"]:
        return match["sgr"]
    char = match["other"]
    if not char:
        return ""
    code = ord(char)
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
