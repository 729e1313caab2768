"""The measured figures of the page on performance, kept in figures.json. `python docs/print_figures.py NAME < OUTPUT`
puts what a benchmark printed there; NAME is `goals` for the table of `make bench`, else one of the page's blocks."""

import json
import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from benchmarks.__main__ import shown  # noqa: E402
from benchmarks.goals import BARS  # noqa: E402
from docs.markdown import table  # noqa: E402

FIGURES = FOLDER / "figures.json"
NOT_YET = "Not measured for this version."
VALUE = re.compile(r"\s+([\d.]+ ?(?:x|s|ms|MB))\b")


def figures() -> dict[str, Any]:
    """Return what was measured: `machine`, `measured` (value by figure), `blocks` (lines by name)."""
    found: dict[str, Any] = json.loads(FIGURES.read_text())
    return found


def goals() -> str:
    """Return the table of figures, each with what was measured, its goal, and the best other tool."""
    told = figures()
    rows = [
        f"| {name} | {told['measured'].get(name, '')} | {shown(bar.goal, bar.unit)} | {bar.peer} |"
        for name, bar in BARS.items()
    ]
    return f"{told['machine'] or NOT_YET}\n\n{table(('figure', 'measured', 'goal', 'best other tool'), rows)}"


def block(name: str) -> str:
    """Return what a benchmark printed, as it is."""
    lines = figures()["blocks"].get(name)
    return "\n".join(["```text", *lines, "```"]) if lines else NOT_YET


def keep(name: str, output: str) -> None:
    """Put what a benchmark printed into figures.json. Raises ValueError where it printed nothing."""
    if not output.strip():
        raise ValueError(f"{name}: nothing was printed.")
    told = figures()
    if name == "goals":
        for line in output.splitlines():
            for figure in BARS:
                if line.startswith(figure) and (value := VALUE.match(line, len(figure))):
                    told["measured"][figure] = value[1]
    else:
        told["blocks"][name] = output.strip("\n").splitlines()
    FIGURES.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    keep(sys.argv[1], sys.stdin.read())
