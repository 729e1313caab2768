"""The tree of an expression, and what can be told from it without evaluating it."""

import re
from collections.abc import Iterator
from dataclasses import field

from pipelines.json_value import Json
from pipelines.records import dataclass

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""A name, and a key that may stand behind a dot."""
POWERS = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4}
"""How tightly each operator between two operands binds; `!` binds tighter than all."""


class Node:
    """A part of an expression. Frozen; compares by structure."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Literal(Node):
    value: Json


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A context, such as `github`."""

    name: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`of.key` and `of[key]`, which are one."""

    of: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Filter(Node):
    """`of.*` and `of[*]`: all elements; what follows applies to each."""

    of: Node


@dataclass(frozen=True, slots=True)
class Not(Node):
    of: Node


@dataclass(frozen=True, slots=True)
class Compare(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logical(Node):
    """A chain of `&&` or of `||`: evaluated from the left, as far as needed."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    function: str
    arguments: tuple[Node, ...]
    position: int = field(default=0, compare=False)


def children(node: Node) -> tuple[Node, ...]:
    """Return the direct parts of `node`, in source order."""
    match node:
        case Index(of, key):
            return (of, key)
        case Filter(of) | Not(of):
            return (of,)
        case Compare(_, left, right):
            return (left, right)
        case Logical(_, parts) | Call(_, parts):
            return parts
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield `node` and everything below it."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def names_used(node: Node) -> frozenset[str]:
    """Return the contexts that `node` names."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Name))


def functions_used(node: Node) -> frozenset[str]:
    """Return the functions that `node` calls, in GitHub's spelling."""
    return frozenset(part.function for part in walk(node) if isinstance(part, Call))


def paths_used(node: Node) -> frozenset[tuple[str, ...]]:
    """Return what `node` looks up, each as far as it is fixed: `needs.a.outputs[x].b` is `("needs", "a", "outputs")`.

    A star filter is the part `*`. Keys are spelt as written, the context in its canonical spelling.
    """
    paths: set[tuple[str, ...]] = set()
    waiting = [node]
    while waiting:
        part = waiting.pop()
        keys: list[str] = []
        while isinstance(part, (Index, Filter)):
            if isinstance(part, Filter):
                keys.append("*")
            elif isinstance(part.key, Literal) and isinstance(part.key.value, str):
                keys.append(part.key.value)
            else:
                keys.clear()
                waiting.append(part.key)
            part = part.of
        if isinstance(part, Name):
            paths.add((part.name, *reversed(keys)))
        waiting.extend(children(part))
    return frozenset(paths)
