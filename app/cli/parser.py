"""The parser of command lines: argparse's, with endings in the words of the rest: one sentence, and what was meant."""

import argparse
from collections.abc import Iterable
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Ends wrong usage with exit code 2 and one line on stderr, which names the nearest word that there is."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where to read on."""
        end = "" if message.endswith((".", "?")) else "."
        self.exit(2, f"{self.prog}: {message[:1].upper()}{message[1:]}{end} `{self.prog} --help` tells the rest.\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse; what nothing takes is wrong usage here already, where the options are known."""
        known, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"There is no {'option' if rest[0].startswith('-') else 'place for'} {rest[0]!r}"
                       f"{meant(rest[0].partition('=')[0], self._option_string_actions)}")  # fmt: skip
        return known, rest

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            words = [str(one) for one in action.choices]
            said = f"{value!r} is none of {', '.join(words)}{meant(str(value), words)}"
            raise argparse.ArgumentError(action, said)


def meant(word: str, words: Iterable[str]) -> str:
    """Return the word that was probably meant, as the end of a sentence and a question; "" where none is near."""
    from difflib import get_close_matches

    close = get_close_matches(word, tuple(words), n=1)
    return f". Did you mean `{close[0]}`?" if close else ""
