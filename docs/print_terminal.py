"""docs/terminal.md: how the terminal UI is used, and every key as its panes know it."""

from docs.markdown import cell, table

TERMINAL = """
# The terminal UI

`treadle` shows what runs, what broke and why, with one key to act. It speaks to the engine like any other client: to
the one that runs on this home (`treadle --headless`, another window, a `treadle run`), else it runs one itself; with
`--connect URL --token TOKEN` to one elsewhere. When the engine that it was attached to leaves, it becomes the engine.

- Inside a Git repository it adds that repository to the home, watches its commits, and shows its runs first.
- A run opens with its jobs as a graph, the log of the first job that failed (else of one that runs), the timeline and
  every attempt. In a small window one pane stands below the graph, and `tab` goes from one to the next.
- Every key that acts shows the command that does the same. It asks only where something would be lost.
- `q` leaves. If jobs run in this window's engine it asks: wait for them, leave them running in their containers for
  the next start, or cancel them. Closing the terminal, SIGTERM, or a crash leaves them running.
- Colours: `:` and `theme`; beside Textual's there are `treadle-dark`, `treadle-light` and a pair for colour-blind
  eyes. A status is always a sign and a word as well. `NO_COLOR` and `--ascii` are honoured; `--read-only` changes
  nothing.
- A copy goes to the terminal (OSC 52), to tmux's buffer, to the desktop's clipboard where there is one, and to
  `copied.txt` in the home.
- Sizes, folds, filters, theme and the last inputs of each workflow are kept in `ui.json` in the home.
- `treadle web` shows the same in a browser: see [security.md](security.md) before opening it to others.

## Keys

A key is changed by its id, in `ui.json`: `{"keys": {"run.cancel": "x", "run.retry": "ctrl+y"}}`.
"""


def terminal_page() -> str:
    """Return docs/terminal.md: how the terminal UI is used, and every key as its panes know it."""
    from textual.binding import Binding

    from app.tui.list_page import ListPage
    from app.tui.page import Page
    from app.tui.pages.artifact import ArtifactPage
    from app.tui.pages.artifacts import ArtifactsPage
    from app.tui.pages.bisect import BisectPage
    from app.tui.pages.bisects import BisectsPage
    from app.tui.pages.events import EventsPage
    from app.tui.pages.flaky import FlakyPage
    from app.tui.pages.queue import QueuePage
    from app.tui.pages.repos import ReposPage
    from app.tui.pages.run import RunPage
    from app.tui.pages.runs import RunsPage
    from app.tui.pages.search import SearchPage
    from app.tui.pages.slo import SloPage
    from app.tui.pages.snapshots import SnapshotsPage
    from app.tui.tui import TreadleApp
    from widgets.attempts_pane import AttemptsPane
    from widgets.dag_pane import DagPane
    from widgets.diff_screen import DiffScreen
    from widgets.diff_view import DiffView
    from widgets.log_pane import LogPane
    from widgets.motions import Motions
    from widgets.row_list import RowList
    from widgets.timeline_pane import TimelinePane

    panes: dict[str, tuple[tuple[type, ...], str]] = {
        "Everywhere": ((TreadleApp, Page), ""),
        "Moving": ((Motions,), "The same in every pane. A click selects, a second click opens, the wheel scrolls."),
        "Lists": ((ListPage, RowList), "Runs, Queue, Events, Artifacts, Repos."),
        "Runs": ((RunsPage,), "With marks, a key acts on all marked runs."),
        "A run": ((RunPage,), ""),
        "Its jobs": ((DagPane,), "Left and right go to a need and to a dependent, up and down within the layer."),
        "Its log": ((LogPane,), "Drag selects, and copies when the button is let go."),
        "Its timeline": ((TimelinePane,), ""),
        "Its attempts": ((AttemptsPane,), ""),
        "A log against another": ((DiffScreen, DiffView), ""),
        "Searches for commits": ((BisectsPage,), "From the palette."),
        "A search for a commit": ((BisectPage,), ""),
        "Queue": ((QueuePage,), ""),
        "Events": ((EventsPage,), ""),
        "Artifacts": ((ArtifactsPage,), ""),
        "The files of an artifact": ((ArtifactPage,), ""),
        "Snapshots": ((SnapshotsPage,), ""),
        "SLO": ((SloPage,), ""),
        "Failures that come and go": ((FlakyPage,), ""),
        "Words in all logs": ((SearchPage,), ""),
        "Repos": ((ReposPage,), ""),
    }
    parts = [TERMINAL.strip()]
    told = {Page, Motions, ListPage, RowList}
    for title, (classes, note) in panes.items():
        rows = [
            f"| {_keys(one)} | {cell(one.description)} | `{one.id}` |"
            for owner in classes
            for own in reversed(owner.__mro__)
            if own.__module__.startswith(("widgets.", "app.")) and (own is owner or own not in told)
            for one in own.__dict__.get("BINDINGS", ())
            if isinstance(one, Binding) and one.id
        ]
        parts += [f"### {title}", *([note] if note else []), table(("key", "does", "id"), rows)]
    return "\n\n".join(parts) + "\n"


SIGNS = {
    "question_mark": "?", "colon": ":", "slash": "/", "ampersand": "&", "plus": "+", "equals_sign": "=", "minus": "-",
    "less_than_sign": "<", "greater_than_sign": ">", "left_square_bracket": "[", "right_square_bracket": "]",
    "left_curly_bracket": "{", "right_curly_bracket": "}", "exclamation_mark": "!", "full_stop": ".", "comma": ",",
}  # fmt: skip


def _keys(binding) -> str:
    return " ".join(f"`{SIGNS.get(key, key)}`" for key in binding.key.split(","))
