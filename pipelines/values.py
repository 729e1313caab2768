"""What the values of expressions turn into: truth, text, numbers, order. GitHub's coercions, on plain JSON.

Numbers are IEEE doubles to the language; an int here is a double that happens to be whole.
"""

import math
import re
from collections.abc import Sequence

from pipelines.errors import ExpressionError
from pipelines.json_value import Json

MAX_TEXT = 10 * 1024 * 1024
"""The longest text, in characters, that an expression or a template may make: nested `format` calls multiply."""

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_RADIX = re.compile(r"0[xX](?P<hexadecimal>[0-9a-fA-F]+)|0[oO](?P<octal>[0-7]+)")
_NAMED = {"NaN": math.nan, "Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}
_WHOLE = 2**53


def truthy(value: Json) -> bool:
    """Return what `if:` sees: null, false, 0, NaN and the empty string are false, all else is true."""
    if isinstance(value, (list, dict)):
        return True
    return bool(value) and value == value


def to_string(value: Json) -> str:
    """Return `value` as an interpolation prints it: null as nothing, 1.0 as 1, lists as Array, mappings as Object."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _number_text(value)
    return "Array" if isinstance(value, list) else "Object"


def kind_of(value: Json) -> str:
    """Return what a value is, as one would say to a person who wrote something else than was asked for."""
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    return "nothing" if value is None else "a list" if isinstance(value, list) else repr(value)


def to_number(value: Json) -> int | float:
    """Return `value` as a number: null 0, true 1, text as it reads, NaN for all that reads as none."""
    if isinstance(value, (bool, int, float)):
        return +value
    if value is None:
        return 0
    if isinstance(value, str):
        text = value.strip()
        return read_number(text) if text else 0
    return math.nan


def read_number(text: str) -> int | float:
    """Return the number that `text` spells in decimal, 0x, 0o or as Infinity, NaN if none. Blanks are no part of it."""
    if _DECIMAL.fullmatch(text):
        return whole(float(text))
    if match := _RADIX.fullmatch(text):
        return whole(float(int(match["hexadecimal"], 16) if match["hexadecimal"] else int(match["octal"], 8)))
    return _NAMED.get(text, math.nan)


def whole(number: float) -> int | float:
    """Return the int that equals `number` where there is an exact one, else `number`."""
    return int(number) if abs(number) < _WHOLE and number == int(number) else number


def equal(left: Json, right: Json) -> bool:
    """Return what `==` says: loose between kinds, blind to case in texts, by identity for lists and mappings."""
    left, right = _alike(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right or upper(left) == upper(right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right
    return left is right


def less(left: Json, right: Json) -> bool:
    """Return what `<` says; false between kinds that have no order, and for NaN."""
    left, right = _alike(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return _order(left) < _order(right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left < right
    return False


def upper(text: str) -> str:
    """Return `text` with each character's own capital, never a longer or a foreign one: `ß` and `ı` stay."""
    if text.isascii():
        return text.upper()
    return "".join(capital if len(capital := char.upper()) == 1 and char != "ı" else char for char in text)


def concatenate(parts: Sequence[str]) -> str:
    """Return the joined `parts`. Raises ExpressionError when they would make more than MAX_TEXT."""
    if sum(map(len, parts)) > MAX_TEXT:
        raise ExpressionError("evaluation", f"The text would be longer than {MAX_TEXT:,} characters")
    return "".join(parts)


def _number_text(number: int | float) -> str:
    if isinstance(number, int) and abs(number) < 10**15:
        return str(number)
    number = _double(number)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return f"{number:.15G}" if number else "0"


def _double(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _alike(left: Json, right: Json) -> tuple[Json, Json]:
    """Return both as GitHub compares them: nulls and booleans as numbers, a text beside a number as a number."""
    if left is None or isinstance(left, bool):
        left = to_number(left)
    if right is None or isinstance(right, bool):
        right = to_number(right)
    if isinstance(left, str) and isinstance(right, (int, float)):
        return to_number(left), right
    if isinstance(right, str) and isinstance(left, (int, float)):
        return left, to_number(right)
    return left, right


def _order(text: str) -> bytes:
    return upper(text).encode("utf-16-be", "surrogatepass")
