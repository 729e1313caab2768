"""How long the commands take that only read: they run at every keystroke of somebody's shell completion or hook."""

from collections.abc import Iterator

from benchmarks.place import Workplace, turns
from engine.store.store import open_store


def startup(place: Workplace, quick: bool) -> Iterator[tuple[str, float]]:
    commands = {
        "treadle --version": ("--version",),
        "treadle validate": ("validate",),
        "treadle expr": ("expr", "join(fromJSON('[1, 2]'), '-')"),
        "treadle list": ("list",),
    }
    open_store(place.home, create=True).close()
    for words in commands.values():  # compiles the modules
        place.treadle(*words)
    yield from turns(
        3 if quick else 9,
        {name: lambda words=words: place.treadle(*words).seconds for name, words in commands.items()},  # type: ignore[misc]
    ).items()
