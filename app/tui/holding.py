"""A held job: what a person can do with it, and a shell in its box, with the screen given back meanwhile."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from app.tui.actions import HOLD, READ_ONLY, RELEASE, RETRY_HERE, RETRY_NEXT, UNHOLD, Action
from engine.core.states import JOB_FINAL
from widgets.safe_text import plain

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

Told = Mapping[str, Any]
NOTHING = "This job holds no box. `H` while a job runs has it held if it fails."
ENDED = "This job has ended; `H` is for one that may still fail."
ELSEWHERE = "A shell opens in a terminal, on the machine of the engine:\n$ treadle shell j{job}"


def do(ui: "TreadleApp", job: Told | None, deed: str) -> None:
    """Do what a key asks of the selected job: toggle, again, next, release or shell."""
    if job is not None:
        DEEDS[deed](ui, job)


def makes_sense(job: Told | None, key: str) -> bool:
    """Whether a key (`held.again`) can do something to a job as it stands; other keys always may."""
    place, _, deed = key.partition(".")
    if place != "held":
        return True
    if job is None:
        return False
    if deed == "toggle":
        return job["status"] not in JOB_FINAL
    return job["held_until"] is not None or (deed == "shell" and job["status"] == "running")


def _toggle(ui: "TreadleApp", job: Told) -> None:
    if job["status"] in JOB_FINAL:
        ui.tell(ENDED, bad=True)
    else:
        ui.act(UNHOLD if job["hold"] else HOLD, _values(job))


def _asking(action: Action) -> Callable[["TreadleApp", Told], None]:
    def ask(ui: "TreadleApp", job: Told) -> None:
        if job["held_until"] is None:
            ui.tell(NOTHING, bad=True)
        else:
            ui.act(action, _values(job))

    return ask


def _shell(ui: "TreadleApp", job: Told) -> None:
    home = ui.session.home
    if ui.read_only:
        ui.tell(READ_ONLY, bad=True)
    elif ui.is_web or home is None:
        ui.tell(ELSEWHERE.format(job=job["id"]), bad=True)
    elif job["held_until"] is None and job["status"] != "running":
        ui.tell(NOTHING, bad=True)
    else:
        # -P: the folder is a stranger's, and what is called `app` in it is not ours.
        command = [sys.executable, "-P", "-m", "app.cli.main", "shell", f"j{job['id']}", "--home", str(home)]
        with ui.suspend():
            print(f"$ treadle shell j{job['id']}   ({plain(str(job['name']))}; `exit` leads back)", flush=True)
            done = subprocess.run(command, check=False, stderr=subprocess.PIPE)
        said = done.stderr.decode("utf-8", "replace").strip()
        if done.returncode and said:
            ui.tell(plain(said), bad=True)
        if (page := ui.page) is not None:
            page.look_again(at_once=True)


def _values(job: Told) -> dict[str, Any]:
    return {"job": job["id"], "name": job["name"]}


DEEDS: dict[str, Callable[["TreadleApp", Told], None]] = {
    "toggle": _toggle,
    "again": _asking(RETRY_HERE),
    "next": _asking(RETRY_NEXT),
    "release": _asking(RELEASE),
    "shell": _shell,
}
