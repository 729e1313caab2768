"""docs/states.md: a picture and a table of every noun's states, as engine/core/states.py has them."""

from docs.markdown import table
from engine.core.states import JOB_FINAL, RUN_FINAL, TABLES

FIRST = {
    "run": ("queued", "pending", "blocked"),
    "job": ("pending", "blocked"),
    "attempt": ("running",),
    "step": ("pending",),
    "bisect": ("running",),
}
FINAL = {"run": RUN_FINAL, "job": JOB_FINAL}
PROMISE = {
    "run": "One execution of a workflow: `pending` while another run holds its concurrency group, `blocked` until a "
    "person approves it.",
    "job": "One job of a run, the same id through all its attempts. A retry is a normal entry of the queue.",
    "attempt": "One numbered try of a job. A `lost` one, whose engine or container went away, becomes a new attempt.",
    "step": "One step of one attempt.",
    "bisect": "One search for the commit that broke a job; its changes are told under the run of that job.",
}


def states_page() -> str:
    """Return docs/states.md: a picture and a table of every noun's states."""
    parts = [
        "# States",
        "Printed from `engine/core/states.py`. A status changes by a cause that its table knows, or not at all; each "
        "change is written as a compare-and-set together with its line in the log of changes, which gives the "
        "timeline of a job and the stream of events.",
        "A wish is no state: whoever cancels leaves a wish, and `cancelled` is reached when the worker confirms it.",
    ]
    for noun, moves in TABLES.items():
        parts += [f"## {noun.capitalize()}", PROMISE[noun], _diagram(noun, moves), _rows(moves)]
    return "\n\n".join(parts) + "\n"


def _diagram(noun: str, moves: dict) -> str:
    lines = ["```mermaid", "stateDiagram-v2", *(f"    [*] --> {status}" for status in FIRST[noun])]
    lines += [f"    {before} --> {after}: {cause}" for (before, cause), after in moves.items()]
    leaves = {str(before) for before, _ in moves}
    ends = FINAL.get(noun) or {str(after) for after in moves.values()} - leaves
    lines += [f"    {end} --> [*]" for end in sorted(ends)]
    return "\n".join([*lines, "```"])


def _rows(moves: dict) -> str:
    rows = [f"| `{before}` | {cause} | `{after}` |" for (before, cause), after in moves.items()]
    return table(("from", "cause", "to"), rows)
