"""YAML 1.2's core schema: what a plain scalar means, and the text that a workflow gets of it. Knows no places."""

import math
import re
from decimal import Decimal
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | None"

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MAYBE_TYPED = frozenset("~nNtTfF.+-0123456789")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INF = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NANS = frozenset((".nan", ".NaN", ".NAN"))
_EXACT = 1 << 53  # every number of the language is a double


def number(text: str) -> int | float | None:
    """Return the number that a plain scalar is in the core schema, None if it is something else."""
    if _INT.fullmatch(text):
        return _whole(text, 10)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _HEX.fullmatch(text):
        return _whole(text[2:], 16)
    if _OCTAL.fullmatch(text):
        return _whole(text[2:], 8)
    if _INF.fullmatch(text):
        return float("-inf" if text[0] == "-" else "inf")
    return float("nan") if text in _NANS else None


def _whole(digits: str, base: int) -> int | float:
    if len(digits) > 400:  # beyond any double, and slow to convert
        return float("-inf" if digits[0] == "-" else "inf")
    exact = int(digits, base)
    if abs(exact) <= _EXACT:
        return exact
    try:
        return float(exact)
    except OverflowError:
        return float("inf" if exact > 0 else "-inf")


def scalar_value(text: str) -> Value:
    """Return what a plain scalar means in the YAML 1.2 core schema: yes, on, dates and times stay text."""
    if not text:
        return None
    if text[0] not in _MAYBE_TYPED:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    found = number(text)
    return text if found is None else found


def scalar_text(value: Value) -> str:
    """Return a scalar as the text that a workflow gets of it: 1.50 is 1.5, null is empty, 1e20 is written out.

    The form of numbers is that of GitHub's parser (JavaScript's); the one that expressions print differs beyond 1e15.
    """
    if isinstance(value, str) or value is None:
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value != value or value in (math.inf, -math.inf):
        return "NaN" if value != value else f"{'-' if value < 0 else ''}Infinity"
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    mantissa, _, exponent = repr(float(value)).partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
