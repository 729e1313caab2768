"""All that `treadle doctor` looks at, in order. One look that breaks never hides the others."""

from collections.abc import Iterator
from pathlib import Path

from app.cli.checks import home as of_home
from app.cli.checks.check import Check
from app.cli.checks.executors import executors
from app.cli.checks.machine import machine
from app.cli.place import has_database


def checkup(home: Path, config: Path | None, *, deep: bool = False) -> Iterator[Check]:
    """Look at the machine, the home, the configuration, its disk and the executor, in this order.

    If `deep`, read all of the home as well, which takes its time.
    """
    yield from machine(home)
    yield from of_home.folder(home)
    settings, found = of_home.configuration(home, config)
    yield found
    yield of_home.disk(home, settings)
    if deep and has_database(home):
        from app.cli.checks.deep import all_of_it

        yield from all_of_it(home)
    yield from executors(home, settings)
