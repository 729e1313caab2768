"""The `treadle` command: finds the command's module, loads that one alone, and turns its end into an exit code.

Importing this file costs next to nothing and must stay so: start-up time is part of the product.
"""

import argparse
import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import NamedTuple, NoReturn

SUCCESS, FAILURE, USAGE, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130
GC_EVERY = 10_000  # objects: at Python's own 700, a start walks 150 times through what it imports, for 50 ms


class Command(NamedTuple):
    """A command that exists: the module that carries it out, its line in the help, whether it takes `--connect`.

    The module has `configure(parser)`, which adds its arguments, and `execute(args)`, which returns the exit code.
    """

    module: str
    help: str
    remote: bool = False


COMMANDS = {
    "run": Command("app.cli.run", "run workflows of a folder to the end"),
    "validate": Command("app.cli.validate", "check workflow files"),
    "graph": Command("app.cli.graph", "print a workflow's job graph"),
    "expr": Command("app.cli.expr", "evaluate one expression and print its value as JSON"),
    "explain": Command(
        "app.cli.explain", "tell why a run, a job or an event is as it is, or what an event would run", remote=True
    ),
    "list": Command("app.cli.list", "list runs, the latest first", remote=True),
    "show": Command("app.cli.show", "show a run: its jobs, attempts and steps", remote=True),
    "logs": Command("app.cli.logs", "print or follow a job's log", remote=True),
    "diff": Command("app.cli.diff", "compare a job's log with that of its last green run, or of another", remote=True),
    "search": Command("app.cli.search", "find words in all logs", remote=True),
    "retry": Command(
        "app.cli.retry", "run a job or a run again, or only what failed; a job from a later step", remote=True
    ),
    "hold": Command("app.cli.hold", "have a job's box held if it fails, or list what is held", remote=True),
    "shell": Command("app.cli.shell", "open a shell where a job's step failed, or where it runs now"),
    "release": Command("app.cli.release", "let the held box of a job go", remote=True),
    "checkpoint": Command("app.cli.checkpoint", "list the steps of a job that a retry can follow", remote=True),
    "bisect": Command(
        "app.cli.bisect", "find the commit that broke a job, by running it alone at commits in between", remote=True
    ),
    "cancel": Command("app.cli.cancel", "cancel a run or a job; again: end it at once", remote=True),
    "approve": Command("app.cli.approve", "let a run or a job go that waits for a person", remote=True),
    "pin": Command("app.cli.pin", "keep a run whatever its age, with its logs and artifacts", remote=True),
    "unpin": Command("app.cli.unpin", "let a pinned run go when its time comes", remote=True),
    "dispatch": Command("app.cli.dispatch", "ask for a run of a workflow of a configured repository", remote=True),
    "queue": Command("app.cli.queue", "show what runs, what waits and why; pause and resume the queue", remote=True),
    "priority": Command("app.cli.priority", "put a job forward or back in the queue", remote=True),
    "events": Command("app.cli.events", "list the events that came in, and what became of them", remote=True),
    "replay": Command("app.cli.replay", "have an event planned once more", remote=True),
    "repo": Command("app.cli.repo", "add, list, sync and remove the repositories that the server knows", remote=True),
    "secret": Command("app.cli.secret", "keep, list and remove the secrets of workflows", remote=True),
    "token": Command("app.cli.token", "create, list and revoke tokens for the API", remote=True),
    "flaky": Command(
        "app.cli.flaky",
        "list the failures that come and go: how often, since which commit, how often a retry passed",
        remote=True,
    ),
    "slo": Command("app.cli.slo", "show how well the promises on speed and success are kept", remote=True),
    "prune": Command("app.cli.prune", "remove what is old enough to go, or tell what would go and why", remote=True),
    "artifact": Command(
        "app.cli.artifact",
        "list artifacts, and fetch one: as files in a folder, a tar, a zip, or a single file",
        remote=True,
    ),
    "cache": Command("app.cli.cache", "list and remove what actions/cache keeps", remote=True),
    "snapshot": Command(
        "app.cli.snapshot", "take, list, compare and remove snapshots of a home; make a new home of one", remote=True
    ),
    "backup": Command("app.cli.backup", "write a home into one tar, while it works"),
    "init": Command("app.cli.init", "write a starter workflow"),
    "demo": Command("app.cli.demo", "run the bundled demo"),
    "doctor": Command("app.cli.doctor", "check this machine and say what to mend"),
    "web": Command("app.cli.web", "serve the terminal UI to a browser"),
}

VALUED = frozenset({"--home", "--config", "--connect", "--token"})

EPILOG = """\
Begin here, in a folder with workflows in .github/workflows or .treadle/workflows:
  treadle demo               see it work, without a project of your own
  treadle init               write a first workflow
  treadle validate           check what is there
  treadle run                run what a push would run

`treadle COMMAND --help` tells the rest."""


def main(argv: list[str] | None = None) -> int:
    """Carry out one command line and return its exit code; only argparse's own endings raise SystemExit.

    Without `argv` the process is this command's: one that is done leaves from here.
    """
    whole_process = argv is None
    if whole_process:
        gc.set_threshold(GC_EVERY)
    argv = sys.argv[1:] if argv is None else argv
    front, name, rest = split(argv)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a glyph shows `?` and the word
    try:
        if name is None:
            return without_command(front)
        if name not in COMMANDS:
            return refuse(f"There is no command {name!r}.{nearest(name)}")
        if not COMMANDS[name].remote and connects(front, rest):
            return refuse(
                f"`treadle {name}` works on this machine alone; `treadle --help` lists what --connect serves."
            )
        parser = parser_for(name)
        args = parser.parse_args([*front, *rest])
        code: int = import_module(COMMANDS[name].module).execute(args)
        sys.stdout.flush()
        if whole_process:
            leave(code)
        return code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has left; Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except Exception as error:
        return exit_code_of(error)


def leave(code: int) -> NoReturn:
    """End the process. What a command owns it has closed; to take the interpreter apart first costs 10 to 30 ms."""
    if sys.stderr is not None:  # as it is when a line ends in `2>&-`
        with suppress(OSError):  # whoever read it has left
            sys.stderr.flush()
    os._exit(code)


def split(argv: list[str]) -> tuple[list[str], str | None, list[str]]:
    """Return the options before the command, the command, and what follows it."""
    at = 0
    while at < len(argv) and argv[at].startswith("-"):
        at += 2 if argv[at] in VALUED else 1
    return argv[:at], argv[at] if at < len(argv) else None, argv[at + 1 :]


def connects(front: list[str], rest: list[str]) -> bool:
    """Does a line mean a remote engine? A command may have a `--token` of its own."""
    return any(word.startswith(("--connect", "--token")) for word in front) or any(
        word.startswith("--connect") for word in rest
    )


def parser_for(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command, with the options that every command takes."""
    from app.cli.parser import Parser

    module = import_module(COMMANDS[name].module)
    said = COMMANDS[name].help
    parser = Parser(prog=f"treadle {name}", description=f"{said[:1].upper()}{said[1:]}.")
    module.configure(parser)
    common = parser.add_argument_group("where")
    common.add_argument("--home", metavar="DIR", help="the folder that holds everything (default: $TREADLE_HOME)")
    common.add_argument("--config", metavar="FILE", help="the configuration (default: treadle.yml in the home)")
    if COMMANDS[name].remote:
        common.add_argument("--connect", metavar="URL", help="ask the engine at http(s)://HOST:PORT instead of a home")
        common.add_argument("--token", metavar="TOKEN", help="the token for --connect (default: $TREADLE_TOKEN)")
    return parser


def top_parser() -> argparse.ArgumentParser:
    """Return the parser of a line without a command; its help lists the commands without loading them."""
    from app.cli.parser import Parser

    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {command.help}" for name, command in COMMANDS.items())
    parser = Parser(
        prog="treadle",
        usage="treadle [--home DIR] [--config FILE] [--connect URL [--token TOKEN]] [COMMAND … | --headless]",
        description=f"Continuous integration for one machine, from the terminal.\n\ncommands:\n{lines}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--home", metavar="DIR", help="the folder that holds everything (default: $TREADLE_HOME)")
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: treadle.yml in the home)")
    parser.add_argument("--headless", action="store_true", help="run the engine and its server until SIGTERM")
    parser.add_argument("--read-only", action="store_true", help="show all, change nothing")
    parser.add_argument("--ascii", action="store_true", help="draw with plain characters only")
    served = ", ".join(name for name, command in COMMANDS.items() if command.remote)
    parser.add_argument("--connect", metavar="URL", help=f"the engine at http(s)://HOST:PORT; also with {served}")
    parser.add_argument("--token", metavar="TOKEN", help="the token for --connect (default: $TREADLE_TOKEN)")
    return parser


def without_command(front: list[str]) -> int:
    parser = top_parser()
    args = parser.parse_args(front)
    if args.version:
        from app.version import VERSION

        print(f"treadle {VERSION}")
        return SUCCESS
    if args.headless:
        code: int = import_module("app.cli.headless").execute(args)
        return code
    if args.token and not args.connect:
        return refuse("--token is for --connect; a home on this machine needs none.")
    shown: int = import_module("app.tui.main").execute(args)
    return shown


def refuse(sentence: str) -> int:
    print(f"treadle: {sentence}", file=sys.stderr)
    return USAGE


def nearest(name: str) -> str:
    """Return the command that was probably meant, as a sentence, or a pointer to the help."""
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    return f" Did you mean `treadle {close[0]}`?" if close else " `treadle --help` lists them."


def exit_code_of(error: Exception) -> int:
    """Say what went wrong on stderr and return the exit code that stands for it. The only such map."""
    from engine.core.errors import EngineError, ExecutorUnavailable, GitError, NoEngine, SettingsError
    from pipelines.errors import ExpressionError, WorkflowError

    if os.environ.get("TREADLE_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, WorkflowError):
        print(error, file=sys.stderr)
        return USAGE
    if isinstance(error, EngineError | ExpressionError):
        print(f"treadle: {error}", file=sys.stderr)
        if isinstance(error, ExecutorUnavailable | NoEngine):
            return UNAVAILABLE
        return USAGE if isinstance(error, SettingsError | GitError | ExpressionError) else FAILURE
    from engine.store.database import damage_told

    if damaged := damage_told(error):
        print(f"treadle: {damaged}", file=sys.stderr)
        return FAILURE
    print(
        f"treadle: something went wrong inside treadle ({type(error).__name__}: {error}). TREADLE_DEBUG=1 shows where.",
        file=sys.stderr,
    )
    return FAILURE


if __name__ == "__main__":
    sys.exit(main())
