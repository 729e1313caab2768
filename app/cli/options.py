"""Values of options that commands share. What is no such value is wrong usage, and argparse names the option."""

from argparse import ArgumentTypeError

DIGITS = 15  # as many as an id can have; what is longer fits into no store


def whole(text: str) -> int:
    """Return a whole number from 0: a step's place, a byte. Raises ArgumentTypeError."""
    return _from(text, 0)


def count(text: str) -> int:
    """Return a whole number from 1: an id, a limit, an attempt. Raises ArgumentTypeError."""
    return _from(text, 1)


def _from(text: str, least: int) -> int:
    if not is_number(text) or int(text) < least:
        raise ArgumentTypeError(f"{text[:50]!r} is no whole number from {least} of up to {DIGITS} digits")
    return int(text)


def is_number(text: str) -> bool:
    """Is a text a whole number that an id could be?"""
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS
