"""What people give on a command line, and who they are."""

import getpass
import os

from engine.core.errors import SettingsError


def pairs_of(given: list[str], option: str, *, from_environment: bool = False) -> dict[str, str]:
    """Return the NAME=VALUE pairs of a repeatable option. Raises SettingsError for what is none."""
    pairs = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals and from_environment and name in os.environ:
            value, equals = os.environ[name], "="
        if not equals or not name:
            # A secret's value must not be repeated, and what lacks its `=` may be one.
            shown = f"of {option}" if from_environment else f"{option} {pair}"
            raise SettingsError(f"{shown[:1].upper()}{shown[1:]}: give NAME=VALUE.")
        pairs[name] = value
    return pairs


def actor_here() -> str:
    """Return the name of the user that this process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
