"""How an empty home begins: with this repository, a forge, or the demo. Each way is a command that people can type."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from widgets.first_steps import WAYS
from widgets.menu import MenuItem
from widgets.safe_text import plain

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

COMMANDS = {"here": ("run", "--plain"), "demo": ("demo", "--plain")}
FORGE = """\
A repository of a forge, in two steps:

  1. treadle repo add team/site https://git.example/team/site.git --secret-env SITE_SECRET
     puts it into the configuration. --poll 60s asks for new commits, for a forge that cannot reach this machine;
     --token-env names the variable with a token for private repositories and for commit statuses.

  2. In the forge, add a webhook for pushes and pull requests, as JSON, with that secret, to
     http://THIS-MACHINE:8484/hooks/team/site

What comes in is under Events, with what became of it. The guide is docs/home-lab.md.
"""


def ways(app: "TreadleApp") -> tuple[MenuItem, ...]:
    """Return the ways that can be gone here: a remote engine has no folder of ours, and no demo."""
    local = app.folder is not None
    return tuple(way for way in WAYS if way.name == "forge" or (local and (way.name == "demo" or app.session.here)))


async def begin(app: "TreadleApp", way: str) -> None:
    """Go one of the ways."""
    if way == "forge":
        from widgets.text_screen import TextScreen

        app.push_screen(TextScreen("A forge", FORGE, ascii=app.ascii))
    elif app.read_only:
        app.tell("This session is read only.", bad=True)
    elif app.folder is not None:
        await _run(app, app.folder, *COMMANDS[way])


async def _run(app: "TreadleApp", home: Path, *words: str) -> None:
    """Run a command on this home; its runs show here like any others. What it says is told only if it fails.

    -P: the folder is a stranger's, and what is called `app` in it is not ours.
    """
    app.tell(f"$ treadle {' '.join(words)}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "app.cli.main", *words, "--home", str(home), start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()  # the UI is left: the run goes on without whoever asked for it, and is cancelled by no signal
        raise
    if process.returncode not in (0, 1):
        app.tell(plain(said.decode("utf-8", "replace").strip().rpartition("\n")[2]), bad=True)
