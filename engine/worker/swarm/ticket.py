"""Who may dial for an attempt, noted in its folder: an engine that takes it up lets the same task in, and no other."""

import json
import os
from pathlib import Path

FILE = "swarm.json"


def keep(folder: Path, token: str, lost_s: float, task: str) -> None:
    """Note the token that is asked for, after how many seconds without an engine the task ends itself, and its id."""
    new = folder / f".{FILE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"token": token, "task": task, "lost_s": lost_s}, file)
    new.rename(folder / FILE)


def kept(folder: Path, lost_s: float) -> tuple[str, float, str] | None:
    """Return token, seconds (`lost_s` where none are noted) and task of an attempt; None where nothing is, or whole."""
    try:
        found = json.loads((folder / FILE).read_text())
        return str(found["token"]), float(found.get("lost_s", lost_s)), str(found["task"])
    except (OSError, ValueError, KeyError):
        return None
