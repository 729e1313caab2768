"""Commands that have commands of their own: `treadle token create`. The common options may stand behind those."""

import argparse
from collections.abc import Callable
from typing import NamedTuple

Execute = Callable[[argparse.Namespace], int]


class Deed(NamedTuple):
    """What a command can do: a word for it, a line of help, its arguments, and what carries it out."""

    name: str
    help: str
    configure: Callable[[argparse.ArgumentParser], None]
    execute: Execute


def add_deeds(parser: argparse.ArgumentParser, deeds: tuple[Deed, ...]) -> None:
    """Give a command's parser a parser for each deed. The common options may stand behind the deed."""
    choice = parser.add_subparsers(dest="deed", metavar="DO", required=True)
    for deed in deeds:
        sentence = f"{deed.help[:1].upper()}{deed.help[1:]}."
        inner = choice.add_parser(deed.name, help=deed.help, description=sentence)
        deed.configure(inner)
        inner.add_argument("--json", action="store_true", help="answer in JSON")
        for option, value in (("--home", "DIR"), ("--config", "FILE"), ("--connect", "URL"), ("--token", "TOKEN")):
            inner.add_argument(option, metavar=value, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        inner.set_defaults(execute=deed.execute)


def carry_out(args: argparse.Namespace) -> int:
    """Do the deed that was asked for."""
    execute: Execute = args.execute
    return execute(args)


def nothing_more(parser: argparse.ArgumentParser) -> None:
    """A deed without arguments."""
