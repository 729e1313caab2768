"""Holds the product against a corpus: `adapter.py KIND` reads JSON cases, one a line, and answers each with a line.

Only calls the product's own functions; what a kind asks and answers stands beside the function that serves it.
"""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

KINDS = {
    "expression": "expressions:expression",
    "template": "expressions:template",
    "condition": "expressions:condition",
    "glob": "filters:glob",
    "glob-paths": "filters:glob",
    "trigger": "filters:trigger",
    "cron": "filters:cron",
    "scalar": "workflows:scalar",
    "workflow-yaml": "workflows:workflow_yaml",
    "file-command": "commands:file_command",
    "log-command": "commands:log_command",
    "log-sequence": "commands:log_sequence",
    "masking": "commands:masking",
    "signature": "forges:signature",
    "delivery": "forges:delivery",
    "artifact-name": "artifacts:artifact_name",
}
"""Which function of which file in `kinds/` answers a kind: case in, answer out."""

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in KINDS:
        print(f"usage: adapter.py {'|'.join(KINDS)}", file=sys.stderr)
        return 2
    answer = serving(arguments[0])
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
        except Exception as error:  # one bad case must not take the others' answers with it
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result))
    return 0


def serving(kind: str) -> Answer:
    """Return the function that answers `kind`, importing only its file."""
    folder = Path(__file__).resolve().parent
    for path in (str(folder.parents[1]), str(folder / "kinds")):
        if path not in sys.path:
            sys.path.insert(0, path)
    module, _, function = KINDS[kind].partition(":")
    found: Answer = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
