"""A disk of a few MiB, so that it can be full."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A tmpfs. `fill` takes all the room there is, `free` gives it back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, but_bytes: int = 0) -> None:
        """Leave so many bytes and no more."""
        with self._ballast.open("ab", buffering=0) as out:
            for size in (1 << 20, 4096):
                while os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize - but_bytes >= size:
                    try:
                        out.write(bytes(size))
                    except OSError:
                        break

    def free(self) -> None:
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, mib: int = 8) -> Iterator[SmallDisk]:
    """Mount one in `folder`; skips the test where we may not."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "treadle-test", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
