"""Which keys belong together, under what heading, and their word in the bar below a page. By the ids of bindings; pure.

What a key does is said by its binding. Here is only how that is laid out, so that keys set otherwise stay right.
"""

from collections.abc import Sequence

HEADINGS = {
    "Find out why": (
        "run.explain", "queue.explain", "event.explain", "job.compare", "run.next_failure", "run.previous_failure",
        "run.annotations", "run.summaries", "job.bisect", "attempt.", "attempts.",
    ),
    "Run again": ("run.retry", "run.retry_failed", "job.retry", "run.rerun", "run.dispatch"),
    "A held job": ("held.",),
}  # fmt: skip
"""What is told between the pane with the focus and the rest of its page, by how the ids begin."""
LAST = {
    "Panes": ("pane.", "size."),
    "Moving, in every pane": ("move.",),
}
"""What is told last, whichever pane has it."""
TOGETHER = (
    ("page.runs", "page.queue", "page.events", "page.artifacts", "page.slo", "page.repos"),
    ("run.next_failure", "run.previous_failure"),
    ("log.next_error", "log.previous_error"),
    ("log.next", "log.previous"),
    ("log.next_step", "log.previous_step"),
    ("log.open", "log.close"),
    ("attempt.before", "attempt.after"),
    ("attempts.before", "attempts.after"),
    ("timeline.zoom_in", "timeline.zoom_out"),
    ("queue.forward", "queue.back"),
    ("slo.shorter", "slo.longer"),
    ("pane.next", "pane.previous"),
    ("size.more_rows", "size.fewer_rows"),
    ("size.more_columns", "size.fewer_columns"),
    ("move.up", "move.down"),
    ("move.left", "move.right"),
    ("move.first", "move.last"),
    ("move.page_up", "move.page_down"),
    ("move.half_up", "move.half_down"),
)
"""Keys that are told in one line."""
BRIEF = {
    "run.retry": "run again",
    "run.retry_failed": "rerun failed",
    "run.cancel": "cancel",
    "queue.cancel": "cancel",
    "run.explain": "why",
    "event.explain": "why",
    "queue.explain": "why",
    "job.compare": "diff",
    "job.bisect": "bisect",
    "held.toggle": "hold",
    "held.shell": "shell",
    "held.again": "again",
    "held.next": "go on",
    "held.release": "release",
    "log.filter": "filter",
    "log.follow": "follow",
}
"""The word of a key in the bar, where what its binding says is long."""
ALWAYS = ("help", "quit")
"""What the bar says however narrow it is."""


def heading_of(id: str, table: dict[str, tuple[str, ...]]) -> str | None:
    """Return under which heading of a table a binding is told; None: under that of whose it is."""
    for title, ids in table.items():
        if any(id == one or (one.endswith(".") and id.startswith(one)) for one in ids):
            return title
    return None


def joined(words: Sequence[str]) -> str:
    """Return what several keys do in one line: what all begin or end with is said once."""
    split = [one.split() for one in words]
    head = _same(split)
    tail = _same([one[head:][::-1] for one in split])
    said = [one[head if number else 0 : len(one) - (tail if number < len(split) - 1 else 0)]
            for number, one in enumerate(split)]  # fmt: skip
    return ", ".join(" ".join(one) for one in said)


def _same(split: Sequence[Sequence[str]]) -> int:
    """Return how many words all begin with, at least one word short of all of any."""
    most = min(map(len, split)) - 1
    return next((at for at in range(most) if len({one[at] for one in split}) > 1), max(0, most))
