"""Chooses who shows the progress of `treadle run`. Each is loaded only when it is the one."""

import os
import sys

from app.cli.result import Renderer


def renderer_for(*, as_json: bool, plain: bool = False) -> Renderer:
    """Return who shows progress on stdout: the JSON stream, the live tree on a terminal that can, else plain lines."""
    if as_json:
        from app.cli.progress.json_lines import JsonLines

        return JsonLines()
    if plain or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        from app.cli.progress.plain_lines import PlainLines

        return PlainLines()
    from app.cli.progress.live_tree import LiveTree

    return LiveTree()
