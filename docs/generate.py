"""Prints the pages that are made from the code: `python docs/generate.py` writes them, tests compare them."""

import argparse
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from app.cli.main import COMMANDS, parser_for  # noqa: E402
from docs import print_api, print_architecture, print_figures  # noqa: E402
from engine.core.states import JOB_FINAL, RUN_FINAL, TABLES  # noqa: E402

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
    for noun, table in TABLES.items():
        parts += [f"## {noun.capitalize()}", PROMISE[noun], _diagram(noun, table), _table(table)]
    return "\n\n".join(parts) + "\n"


def _diagram(noun: str, table: dict) -> str:
    lines = ["```mermaid", "stateDiagram-v2", *(f"    [*] --> {status}" for status in FIRST[noun])]
    lines += [f"    {before} --> {after}: {cause}" for (before, cause), after in table.items()]
    leaves = {str(before) for before, _ in table}
    ends = FINAL.get(noun) or {str(after) for after in table.values()} - leaves
    lines += [f"    {end} --> [*]" for end in sorted(ends)]
    return "\n".join([*lines, "```"])


def _table(table: dict) -> str:
    rows = [f"| `{before}` | {cause} | `{after}` |" for (before, cause), after in table.items()]
    return "\n".join(["| from | cause | to |", "|---|---|---|", *rows])


def commands_page() -> str:
    """Return docs/commands.md: every command with its arguments, as its parser knows them."""
    names = "\n".join(f"| [`treadle {name}`](#treadle-{name}) | {command.help} |" for name, command in COMMANDS.items())
    remote = ", ".join(f"`{name}`" for name, command in COMMANDS.items() if command.remote)
    parts = [
        "# Commands",
        "Printed from the commands' own parsers. Results go to stdout, talk to stderr; `--json` prints JSON and "
        "nothing else on stdout.",
        "Exit codes: 0 success; 1 the run ended in anything but success; 2 wrong usage, an invalid workflow or "
        "configuration; 3 no engine or no executor; 130 interrupted.",
        f"| command | does |\n|---|---|\n{names}",
        f"{remote} also speak to an engine elsewhere: `treadle --connect http://HOST:8484 list`. It asks for a token "
        "(`treadle token create` there makes one), best given as `TREADLE_TOKEN`, which no list of processes shows.",
        "A RUN is `12`, `r12`, `latest`, or `#3` (the newest run with that number). A JOB is `34`, `j34`, or RUN/NAME, "
        "such as `latest/test (3.12)`. Where either is taken, a bare number is what the usage names first, if there "
        "is one.",
    ]
    for name in COMMANDS:
        parser = parser_for(name)
        parts += [f"## treadle {name}", parser.description or "", _arguments(parser)]
        for deeds in (action for action in parser._actions if isinstance(action, argparse._SubParsersAction)):
            for deed, inner in deeds.choices.items():
                parts += [f"### treadle {name} {deed}", inner.description or "", _arguments(inner)]
    return "\n\n".join(parts) + "\n"


def _arguments(parser: argparse.ArgumentParser) -> str:
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    rows = [f"| {_argument(action)} | {_cell(action.help or _deeds(action))} |" for action in shown]
    return "\n".join(["| argument | meaning |", "|---|---|", *rows])


def _deeds(action: argparse.Action) -> str:
    return ", ".join(f"`{name}`" for name in action.choices or ())


def _argument(action: argparse.Action) -> str:
    """Return an argument as one types it: its flags or its place, and what it takes."""
    value = action.metavar or ("{" + ",".join(action.choices) + "}" if action.choices else action.dest.upper())
    if not action.option_strings:
        return f"`{_cell(str(value))}`"
    takes = "" if action.nargs == 0 else f" {value}"
    return f"`{_cell(', '.join(action.option_strings) + takes)}`"


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
            f"| {_keys(one)} | {_cell(one.description)} | `{one.id}` |"
            for owner in classes
            for own in reversed(owner.__mro__)
            if own.__module__.startswith(("widgets.", "app.")) and (own is owner or own not in told)
            for one in own.__dict__.get("BINDINGS", ())
            if isinstance(one, Binding) and one.id
        ]
        table = "\n".join(["| key | does | id |", "|---|---|---|", *rows])
        parts += [f"### {title}", *([note] if note else []), table]
    return "\n\n".join(parts) + "\n"


SIGNS = {
    "question_mark": "?", "colon": ":", "slash": "/", "ampersand": "&", "plus": "+", "equals_sign": "=", "minus": "-",
    "less_than_sign": "<", "greater_than_sign": ">", "left_square_bracket": "[", "right_square_bracket": "]",
    "left_curly_bracket": "{", "right_curly_bracket": "}", "exclamation_mark": "!", "full_stop": ".", "comma": ",",
}  # fmt: skip


def _keys(binding) -> str:
    return " ".join(f"`{SIGNS.get(key, key)}`" for key in binding.key.split(","))


COMPATIBILITY = """
# GitHub's syntax, key by key

Printed from the tables that the parser reads by. *Honoured* means: as on GitHub. What is refused is told with its line
by `treadle validate`, as a warning where GitHub would take it, and a run that needs it is refused before anything
starts. A key that is in no table is an error, with the nearest that there is. Nothing is read and then ignored.
"""
ACTIONS_NOTE = """
`uses:` of a step may be a built-in action (below, at whatever ref), `./folder` of the same repository, `OWNER/REPO@REF`
or `OWNER/REPO/folder@REF` (from where `actions:` in treadle.yml says, kept, and pinned for the run), or
`docker://IMAGE`. Actions may be composite, JavaScript or a container. `uses:` of a job may be a workflow of the same
commit or of another repository.
"""
SERVICES_NOTE = """
Services start before the job's first step, which waits until they are healthy; their logs end the job's log; all of
them go with the job. As on GitHub, a job with a `container` reaches them by name (`db:5432`), and one without at the
ports that they publish (`localhost:5432`, `${{ job.services.db.ports['5432'] }}`); by name it does so too, unless it
runs on this machine itself. Two jobs in Docker may publish the same port at once, for each has a localhost of its own.
"""
FILES_NOTE = """
`GITHUB_OUTPUT`, `GITHUB_ENV`, `GITHUB_PATH`, `GITHUB_STATE` and `GITHUB_STEP_SUMMARY` (1 MiB a step) are read as
GitHub's runner reads them; variables of the runner's own and `NODE_OPTIONS` cannot be set. Lines that begin with
`::NAME::` or `##[NAME]` are commands:
"""
SWARM_NOTE = """
A job whose label or `executor:` says [swarm](several-machines.md) runs on another machine, as all of this page says,
but for what is refused with its line before it starts:
"""
_UNSECURE = "refused, as on GitHub, unless `ACTIONS_ALLOW_UNSECURE_COMMANDS` is true"
_DEPRECATED = "deprecated, as on GitHub: works, and warns once a step"
COMMAND_NOTES = {
    "add-path": _UNSECURE,
    "set-env": _UNSECURE,
    "set-output": _DEPRECATED,
    "save-state": _DEPRECATED,
    "debug": "shown if the secret or variable `ACTIONS_STEP_DEBUG` is true",
    "add-matcher": "a file named in a line is told if it would be in the workspace, whether it is there or not; an "
    "expression that takes more than a second for a line is removed, as are all when they take five more than usual "
    "for a job; lines of more than 16 KiB are not looked at",
}


def compatibility_page() -> str:
    """Return docs/compatibility.md: every key of GitHub's syntax and what becomes of it."""
    from engine.worker.actions.built_in.registry import lookup
    from engine.worker.log.commands import KEPT_ANNOTATIONS, NAMES
    from pipelines import compatibility, container_options
    from pipelines.action_refs import BUILT_IN

    parts = [COMPATIBILITY.strip()]
    for part in compatibility.parts():
        mark = "##" if part.place in ("workflow", "on", "action.yml") else "###"
        parts += [f"{mark} `{part.place}`", _rows(part.rows)]
        if part.place == "on":
            filters = [f"| `{row.key}` | {row.says} |" for row in compatibility.filters().rows]
            parts += ["### `on.<event>`", "\n".join(["| filter | of |", "|---|---|", *filters])]
        elif part.place == "jobs.<job_id>.services.<service_id>":
            parts.append(SERVICES_NOTE.strip())
        elif part.place == "jobs.<job_id>.container":
            known = sorted({*container_options._FLAGS, *container_options._SWITCHES})
            parts.append(f"Options: {_listed(known)}. Refused, for they open the machine: "
                         f"{_listed(sorted(container_options._WEAKENING))}.")  # fmt: skip
    parts += [
        "## Expressions",
        "Contexts:",
        _rows(compatibility.contexts()),
        "Functions:",
        _rows(compatibility.functions()),
    ]
    parts += ["## Actions", ACTIONS_NOTE.strip()]
    for name in sorted(BUILT_IN):
        if (action := lookup(f"{name}@v1")) is None:
            continue
        rows = [compatibility.Row(key) for key in sorted(action.inputs)]
        rows += [
            compatibility.Row(
                key, compatibility.Verdict.DIFFERS, f"changes nothing, with a warning: {rule.why.rstrip('.')}"
            )
            for key, rule in sorted(action.unhonoured.items())
        ]
        parts += [f"### {name}", _rows(rows, "input")]
    commands = [compatibility.Row(name, says=COMMAND_NOTES.get(name, "")) for name in sorted(NAMES)]
    parts += ["## What a step may say", FILES_NOTE.strip(), _rows(commands, "command")]
    parts.append(f"Of each level the first {KEPT_ANNOTATIONS} annotations of a step are kept, on GitHub ten.")
    parts += ["## Jobs in a swarm", SWARM_NOTE.strip(), _refusals()]
    parts.append("## Where a test suite of GitHub's own says otherwise")
    parts += [f"**{what}.** {why} Cases: {_listed(cases)}." for what, why, cases in compatibility.OUTSIDE]
    return "\n\n".join(parts) + "\n"


def _refusals() -> str:
    """Return what a job in a swarm may not ask for, as the table says by which it is refused."""
    from engine.worker.swarm.plan import REFUSALS

    rows = [f"| `{refusal.key}` | refused | {_cell(refusal.why)} |" for refusal in REFUSALS]
    return "\n".join(["| asked for | | |", "|---|---|---|", *rows])


def _rows(rows, first: str = "key") -> str:
    """Return a table of rows; those of which the same is said stand together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        alike.setdefault((row.verdict, row.says), []).append(row.key)
    lines = [f"| {_listed(keys)} | {verdict} | {_cell(says)} |" for (verdict, says), keys in alike.items()]
    return "\n".join([f"| {first} | | |", "|---|---|---|", *lines])


def _listed(words) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


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
