"""One finding of `treadle doctor`."""

from collections.abc import Callable
from pathlib import Path

from engine.core.errors import ExecutorUnavailable
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `state` is ok, warn or fail; `fix` is what to do about it. `executor`: without it no job can run."""

    name: str
    state: str
    message: str
    fix: str = ""
    executor: bool = False


def tried(name: str, look: Callable[[], None], message: str) -> Check:
    """Return what a look at an executor says of it: `message`, or why no job can run on it."""
    try:
        look()
    except ExecutorUnavailable as error:
        return Check(name, "fail", error.args[0], error.fix, executor=True)
    return Check(name, "ok", message)


def nearest(home: Path) -> Path:
    """Return the home, or the nearest folder above it that exists."""
    return next(folder for folder in (home, *home.parents) if folder.is_dir())
