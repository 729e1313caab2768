"""A JSON body: read once, within bounds, and asked for fields that may be absent or of another type."""

import json
import math
import re
from typing import Any

from engine.forges.errors import malformed

MAX_DEPTH = 100
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds. Of a key that stands twice the last one counts, everywhere alike.

    What comes out can be written as JSON, UTF-8 and rows again: no lone surrogates (U+FFFD stands in for them), no
    infinities, at most 100 levels. Raises DeliveryError.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed(f"the body is not UTF-8 (byte {error.start})") from None
    try:
        tree = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise malformed("the body is nested too deeply") from None
    except ValueError as error:
        raise malformed(f"the body is not JSON: {str(error)[:200]}") from None
    if not isinstance(tree, dict):
        raise malformed("the body is JSON, but not an object")
    _check_depth(tree)
    if _SURROGATE_ESCAPE.search(text):
        tree = _repaired(tree)
    found: dict[str, Any] = tree
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is out of range")
    return number


def _check_depth(tree: Any) -> None:
    level = [tree]
    for _ in range(MAX_DEPTH):
        inner = [item for node in level for item in (node.values() if isinstance(node, dict) else node)]
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return
    raise malformed(f"the body is nested more than {MAX_DEPTH} levels deep")


def _repaired(node: Any) -> Any:
    if isinstance(node, str):
        return _LONE_SURROGATE.sub("\ufffd", node)
    if isinstance(node, list):
        return [_repaired(item) for item in node]
    if isinstance(node, dict):
        return {_repaired(key): _repaired(value) for key, value in node.items()}
    return node


class Payload:
    """A place in a JSON tree. Asking never fails: what is absent or of another type is None, or empty."""

    __slots__ = ("tree",)

    def __init__(self, tree: Any) -> None:
        self.tree = tree

    def at(self, *path: str) -> "Payload":
        node = self.tree
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        return Payload(node)

    def has(self, key: str) -> bool:
        return isinstance(self.tree, dict) and key in self.tree

    def text(self, *path: str) -> str | None:
        node = self.at(*path).tree
        return node if isinstance(node, str) else None

    def word(self, *path: str) -> str | None:
        """Return a text that is not empty, or None."""
        return self.text(*path) or None

    def flag(self, *path: str) -> bool | None:
        node = self.at(*path).tree
        return node if isinstance(node, bool) else None

    def number(self, *path: str) -> int | None:
        node = self.at(*path).tree
        return node if isinstance(node, int) and not isinstance(node, bool) else None

    def mapping(self, *path: str) -> dict[str, Any]:
        node = self.at(*path).tree
        return node if isinstance(node, dict) else {}

    def items(self, *path: str) -> list["Payload"]:
        node = self.at(*path).tree
        return [Payload(item) for item in node] if isinstance(node, list) else []
