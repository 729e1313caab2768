"""The program that a browser's tab sees: the UI of this home, with as much of the environment as it needs."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pipelines.records import dataclass

KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TREADLE_DEBUG")
"""What is handed on of the server's environment. Secrets of the configuration are none of it."""

LAUNCH = Path(__file__).with_name("launch.py")
NOWHERE = Path("/")  # a UI that stands in a repository would add it to the home


@dataclass(frozen=True, slots=True)
class Child:
    """A Textual program to start for each tab. `argv[0]` is a path."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]

    def command(self, parent: int) -> tuple[str, ...]:
        """Return the command line that starts it, to end at the latest with the process `parent`."""
        return (sys.executable, "-I", "-S", str(LAUNCH), str(parent), *self.argv)

    def environment_for(self, width: int, height: int) -> dict[str, str]:
        """Return its environment in a terminal of that many cells."""
        return {
            **self.environment,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "COLUMNS": str(width),
            "ROWS": str(height),
            "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
            "TEXTUAL_COLOR_SYSTEM": "truecolor",
            "TEXTUAL_FPS": "30",
            "TERM_PROGRAM": "textual",
        }


def treadle(home: Path, config: Path | None, *, read_only: bool, ascii: bool = False) -> Child:
    """Return the UI of a home as a child."""
    argv = [sys.executable, "-P", "-m", "app.cli.main", "--home", str(home)]  # -P: nothing of the folder it stands in
    argv += ["--config", str(config)] if config else []
    argv += ["--read-only"] if read_only else []
    argv += ["--ascii"] if ascii else []
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    folders = [str(Path(folder).absolute()) for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    kept |= {"PYTHONPATH": os.pathsep.join(folders)} if folders else {}
    return Child(tuple(argv), kept | {"TREADLE_HOME": str(home)})
