"""Copying, by every way that a terminal may offer; the last copy is kept in a file as well."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

TOOLS = (("wl-copy",), ("xclip", "-selection", "clipboard"), ("xsel", "-ib"), ("pbcopy",))
PATIENCE_S = 2.0
NAME = "copied.txt"


def commands(env: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the programs that take a copy here, beside the terminal's own way (OSC 52), which is always used.

    tmux drops OSC 52 by default, so its own buffer is filled as well.
    """
    found: list[tuple[str, ...]] = []
    if env.get("TMUX") and shutil.which("tmux"):
        found.append(("tmux", "load-buffer", "-w", "-"))
    if env.get("WAYLAND_DISPLAY") or env.get("DISPLAY") or shutil.which("pbcopy"):
        found += [next((tool for tool in TOOLS if shutil.which(tool[0])), ())]
    return [tool for tool in found if tool]


def copy(text: str, folder: Path | None, env: Mapping[str, str] = os.environ) -> Path | None:
    """Give `text` to every clipboard but the terminal's; return the file that keeps it, None without one. Blocks."""
    for tool in commands(env):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(tool, input=text.encode("utf-8", "replace"), timeout=PATIENCE_S, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    if folder is None:
        return None
    path = folder / NAME
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        return path
    return None
