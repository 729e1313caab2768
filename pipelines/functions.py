"""The built-in functions of expressions. Their arguments come evaluated; `case`, which chooses, lives in the evaluator.

Pure: what needs the run's state or its files (`success`, `hashFiles`, …) is handed in by whoever evaluates.
"""

import json
import math
import re
from collections.abc import Callable
from typing import TypeAlias

from pipelines.contexts import SPECIAL_FUNCTIONS
from pipelines.errors import ExpressionError
from pipelines.json_value import Json
from pipelines.values import MAX_TEXT, concatenate, equal, to_string, upper, whole

Function: TypeAlias = "Callable[..., Json]"

_PLACEHOLDER = re.compile(r"[^{}]+|\{\{|\}\}|\{(?P<index>[0-9]+)\}")
_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
MAX_ARGUMENTS = 255


def contains(search: Json, item: Json) -> bool:
    """Is `item` an element of the list, or a part of the text, `search`? Case does not count."""
    if isinstance(search, list):
        return any(equal(element, item) for element in search)
    if _is_collection(search, item):
        return False
    return upper(to_string(item)) in upper(to_string(search))


def starts_with(text: Json, start: Json) -> bool:
    return not _is_collection(text, start) and upper(to_string(text)).startswith(upper(to_string(start)))


def ends_with(text: Json, end: Json) -> bool:
    return not _is_collection(text, end) and upper(to_string(text)).endswith(upper(to_string(end)))


def format_text(pattern: Json, *values: Json) -> str:
    """Return `pattern` with each `{N}` replaced by the Nth value; `{{` and `}}` are braces."""
    text = to_string(pattern)
    parts: list[str] = []
    position = 0
    while position < len(text):
        match = _PLACEHOLDER.match(text, position)
        if match is None:
            raise ExpressionError("evaluation", f"The format string is invalid at {text[position:][:20]!r}")
        parts.append(_piece(match, values))
        position = match.end()
    return concatenate(parts)


def join(items: Json, separator: Json = ",") -> str:
    """Return the texts of a list's elements with `separator` between; a single value is a list of one."""
    if isinstance(items, dict):
        return ""
    if not isinstance(items, list):
        return to_string(items)
    between = "," if isinstance(separator, (list, dict)) else to_string(separator)
    parts = [between] * (2 * len(items) - 1)
    parts[::2] = map(to_string, items)
    return concatenate(parts)


def to_json(value: Json) -> str:
    """Return `value` as JSON, indented by two blanks."""
    try:
        return concatenate([json.dumps(printable(value), indent=2, ensure_ascii=False)])
    except RecursionError:
        raise ExpressionError("evaluation", "toJSON: the value is nested too deeply") from None


def printable(value: Json) -> Json:
    """Return `value` as JSON can hold it: whole numbers as ints, NaN and the infinities as their names."""
    if isinstance(value, float):
        if math.isfinite(value):
            return int(value) if value.is_integer() and abs(value) < 2**63 else value
        return to_string(value)
    if isinstance(value, list):
        return [printable(element) for element in value]
    if isinstance(value, dict):
        return {key: printable(element) for key, element in value.items()}
    return value


def from_json(text: Json) -> Json:
    """Return the value that `text` spells in JSON. Keys that differ only in case are one; the first spelling stays."""
    source = to_string(text)
    if not source.strip():
        raise ExpressionError("evaluation", "fromJSON: the text is empty")
    if len(source) > MAX_TEXT:
        raise ExpressionError("evaluation", f"fromJSON: the text is longer than {MAX_TEXT:,} characters")
    try:
        value = _DECODER.decode(source)
        if _LONE_SURROGATE.search(source):
            value = _DECODER.decode(_without_lone_surrogates(json.dumps(value, ensure_ascii=False)))
    except RecursionError:
        raise ExpressionError("evaluation", "fromJSON: the text is nested too deeply") from None
    except ValueError as error:
        raise ExpressionError("evaluation", f"fromJSON: not valid JSON: {error}") from None
    result: Json = value
    return result


def _piece(match: re.Match[str], values: tuple[Json, ...]) -> str:
    if match["index"] is None:
        piece = match[0]
        return piece[0] if piece in ("{{", "}}") else piece
    index = int(match["index"][-4:]) if len(match["index"].lstrip("0")) < 4 else MAX_ARGUMENTS
    if index >= len(values):
        raise ExpressionError(
            "evaluation", f"The format string asks for {match[0]}, but only {len(values)} values follow it"
        )
    return to_string(values[index])


def _is_collection(*values: Json) -> bool:
    return any(isinstance(value, (list, dict)) for value in values)


def _mapping(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    mapping = dict(pairs)
    if len({upper(key) for key in mapping}) == len(mapping):
        return mapping
    first: dict[str, tuple[str, Json]] = {}
    for key, value in mapping.items():
        first.setdefault(upper(key), (key, value))
    return dict(first.values())


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is no JSON value")


def _without_lone_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(text: str) -> int | float:
    return whole(float(text))


_DECODER = json.JSONDecoder(object_pairs_hook=_mapping, parse_int=_number, parse_float=_number, parse_constant=_refuse)

BUILTINS: dict[str, Function] = {
    "contains": contains,
    "startsWith": starts_with,
    "endsWith": ends_with,
    "format": format_text,
    "join": join,
    "toJSON": to_json,
    "fromJSON": from_json,
}

ARITIES: dict[str, tuple[int, int]] = {
    "contains": (2, 2),
    "startsWith": (2, 2),
    "endsWith": (2, 2),
    "format": (1, MAX_ARGUMENTS),
    "join": (1, 2),
    "toJSON": (1, 1),
    "fromJSON": (1, 1),
    "case": (3, MAX_ARGUMENTS),
    "hashFiles": (1, MAX_ARGUMENTS),
    "always": (0, 0),
    "cancelled": (0, 0),
    "success": (0, MAX_ARGUMENTS),
    "failure": (0, MAX_ARGUMENTS),
}
"""How many arguments each function takes, at least and at most. `success` and `failure` may name jobs."""

EVERYWHERE = frozenset(ARITIES) - SPECIAL_FUNCTIONS
"""The functions that every position may call."""
