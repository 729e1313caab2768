"""What goes from a home, as JSON."""

from collections import Counter
from datetime import datetime
from typing import Any

from engine.control.housekeeping.retention import Pruning
from engine.settings.model import Retention as Rules


def prune_view(pruning: Pruning, rules: Rules, now: datetime) -> dict[str, Any]:
    """Return what goes under the rules as of now, and changes nothing:

    - `going`: [{`kind` (run: all of it; files: its logs and artifacts; artifact), `run`, `artifact` (a name or null),
      `why` (a sentence), `size_bytes`}]
    - `counts`: how many of each kind; `size_bytes`: their files together. Equal contents are stored once and count
      each time; what of them is freed shows at the sweep after.
    - `garbage`: {`contents`, `size_bytes`} that nothing refers to even now.
    """
    going = [
        {
            "kind": str(one.kind),
            "run": one.run_id,
            "artifact": one.artifact or None,
            "why": one.why,
            "size_bytes": one.size_bytes,
        }
        for one in pruning.going(rules, now)
    ]
    contents, size_bytes = pruning.collector.garbage(now)
    return {
        "going": going,
        "counts": dict(Counter(one["kind"] for one in going)),
        "size_bytes": sum(int(str(one["size_bytes"])) for one in going),
        "garbage": {"contents": contents, "size_bytes": size_bytes},
    }
