"""Drivers on this machine that are held, with all that their steps have left running. See engine/worker/held.py."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine.worker.host import sweep as host_sweep


class HostHeld:
    """`end` ends a box that may be gone, by its id and its folder."""

    def __init__(self, end: Callable[[str, Path], None]) -> None:
        self._end = end

    def memory_bytes(self, name: str, box_id: str) -> int | None:
        pid, started, mark = box_id.split("-", 2)
        try:
            state, _, since = host_sweep.stat_fields(int(pid))
        except OSError:
            return None
        if since != started or state == "Z":
            return None
        pages = 0
        for process in {int(pid)} | {one for one, its in host_sweep.marks() if its == mark}:
            with suppress(OSError):  # it went meanwhile
                pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def remove(self, name: str, box_id: str, folder: Path) -> None:
        self._end(box_id, folder)
