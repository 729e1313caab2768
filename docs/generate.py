"""Prints the pages that are made from the code: `python docs/generate.py` writes them, tests compare them."""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from docs import print_api, print_architecture, print_figures  # noqa: E402
from docs.print_commands import commands_page  # noqa: E402
from docs.print_compatibility import compatibility_page  # noqa: E402
from docs.print_states import states_page  # noqa: E402
from docs.print_terminal import terminal_page  # noqa: E402


def filled(text: str) -> str:
    """Return a page with what stands between its marks printed anew: `<!-- printed: NAME -->` … `<!-- end -->`."""

    def fill(found: re.Match[str]) -> str:
        name, between = found[1], "\n\n" if "\n" in found[2] else ""
        says = PRINTED[name]() if name in PRINTED else print_figures.block(name)
        return f"<!-- printed: {name} -->{between}{says}{between}<!-- end -->"

    return re.sub(r"<!-- printed: (\w+) -->(.*?)<!-- end -->", fill, text, flags=re.DOTALL)


def frames() -> str:
    """Return the screens of the recorded session that are kept as text."""
    shown = (FOLDER / "hold-fix-retry.txt").read_text().split("\f")
    parts = [one.strip("\n").partition("\n\n") for one in shown]
    return "\n\n".join(f"{caption}\n\n```\n{screen}\n```" for caption, _, screen in parts)


PAGES = {
    "states.md": states_page,
    "commands.md": commands_page,
    "terminal.md": terminal_page,
    "compatibility.md": compatibility_page,
}
PRINTED = {
    "rooms": print_architecture.rooms,
    "threads": print_architecture.threads,
    "folders": print_architecture.folders,
    "goals": print_figures.goals,
    "routes": print_api.routes,
    "frames": frames,
}
PARTLY = ("api.md", "architecture.md", "fixing.md", "performance.md")

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
    for name in PARTLY:
        (FOLDER / name).write_text(filled((FOLDER / name).read_text()))
