"""docs/commands.md: every command with its arguments, as its parser knows them."""

import argparse

from app.cli.main import COMMANDS, parser_for
from docs.markdown import cell, listed, table


def commands_page() -> str:
    """Return docs/commands.md: every command with its arguments, as its parser knows them."""
    names = (f"| [`treadle {name}`](#treadle-{name}) | {command.help} |" for name, command in COMMANDS.items())
    remote = ", ".join(f"`{name}`" for name, command in COMMANDS.items() if command.remote)
    parts = [
        "# Commands",
        "Printed from the commands' own parsers. Results go to stdout, talk to stderr; `--json` prints JSON and "
        "nothing else on stdout.",
        "Exit codes: 0 success; 1 the run ended in anything but success; 2 wrong usage, an invalid workflow or "
        "configuration; 3 no engine or no executor; 130 interrupted.",
        table(("command", "does"), names),
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
    rows = [f"| {_argument(action)} | {cell(action.help or _deeds(action))} |" for action in shown]
    return table(("argument", "meaning"), rows)


def _deeds(action: argparse.Action) -> str:
    return listed(action.choices or ())


def _argument(action: argparse.Action) -> str:
    """Return an argument as one types it: its flags or its place, and what it takes."""
    value = action.metavar or ("{" + ",".join(action.choices) + "}" if action.choices else action.dest.upper())
    if not action.option_strings:
        return f"`{cell(str(value))}`"
    takes = "" if action.nargs == 0 else f" {value}"
    return f"`{cell(', '.join(action.option_strings) + takes)}`"
