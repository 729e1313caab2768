"""What takes the room in a home, part by part."""

import os
from collections.abc import Mapping
from pathlib import Path

PARTS: Mapping[str, tuple[str, ...]] = {
    "database": ("treadle.db", "treadle.db-wal", "treadle.db-shm"),
    "logs": ("logs",),
    "artifacts, caches and snapshots": ("artifacts", "snapshots"),
    "search index": ("search.db", "search.db-wal", "search.db-shm"),
    "mirrors of repositories": ("repos",),
    "checkouts and actions": ("cache",),
    "checkpoints of jobs": ("cache/checkpoints",),
    "running jobs": ("work",),
}


def usage(home: Path) -> dict[str, int]:
    """Return how many bytes each part takes on the disk, the largest first; what is none of them is `other`."""
    named = {name for names in PARTS.values() for name in names}
    sizes = {part: sum(_size(home / name) for name in names) for part, names in PARTS.items()}
    sizes["checkouts and actions"] -= sizes["checkpoints of jobs"]
    sizes["other"] = sum(_size(path) for path in home.iterdir() if path.name not in named)
    return dict(sorted(((part, size) for part, size in sizes.items() if size), key=lambda pair: -pair[1]))


def _size(path: Path) -> int:
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_blocks * 512
    except OSError:
        return 0
    return sum(
        _blocks(Path(folder, name))
        for folder, _, names in os.walk(path)
        for name in names
    )  # fmt: skip


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0  # gone meanwhile
