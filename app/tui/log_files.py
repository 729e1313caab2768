"""A log as a file: saved where the person wants it, or handed to the pager with the screen given back meanwhile."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.log_text import shown
from engine.core.errors import EngineError

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

PAGER = "less -R"
BLOCK = 1 << 20


async def save(app: "TreadleApp", job: int, attempt: int) -> None:
    """Write a log into the folder that Treadle was started in; never over another file."""
    path = free_name(Path.cwd(), f"treadle-j{job}-try{attempt}", ".log")
    try:
        size = await app.ask(_fetch, app, job, attempt, path)
    except (EngineError, OSError) as error:
        app.tell(f"The log could not be saved: {error}", bad=True)
    else:
        app.tell(f"Saved {size} bytes in {path}.\n$ treadle logs j{job} --attempt {attempt} > {shlex.quote(path.name)}")


async def page(app: "TreadleApp", job: int, attempt: int) -> None:
    """Show a log in $PAGER; control sequences other than colours are taken out first."""
    if app.is_web:
        app.tell("A pager cannot be opened in here; `s` saves the log.", bad=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        raw, safe = Path(folder) / "raw", Path(folder) / "log"
        try:
            await app.ask(_fetch, app, job, attempt, raw)
            await app.ask(_made_safe, raw, safe)
        except (EngineError, OSError) as error:
            app.tell(f"The log could not be read: {error}", bad=True)
            return
        command = [*shlex.split(os.environ.get("PAGER") or PAGER), str(safe)]
        try:
            with app.suspend():
                subprocess.run(command, check=False)
        except OSError as error:
            app.tell(f"{command[0]}: {error.strerror}. Set PAGER to a program that is here.", bad=True)


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """Return a name in `folder` that no file has."""
    number = 1
    while (path := folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}").exists():
        number += 1
    return path


def _fetch(app: "TreadleApp", job: int, attempt: int, path: Path) -> int:
    with path.open("xb") as file:
        for block in app.session.client.stream(f"/jobs/{job}/logs", {"attempt": attempt}):
            file.write(block)
        return file.tell()


def _made_safe(raw: Path, safe: Path) -> None:
    """Write whole lines only through what makes them safe; a line is as long as it likes."""
    rest = b""
    with raw.open("rb") as source, safe.open("w", encoding="utf-8") as target:
        while block := source.read(BLOCK):
            lines, newline, after = (rest + block).rpartition(b"\n")
            rest = after
            if newline:
                target.write(shown(lines + newline, colours=True))
        target.write(shown(rest, colours=True))
