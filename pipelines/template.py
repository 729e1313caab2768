"""Text that may hold `${{ }}`: parsed once, evaluated whenever its contexts are known, never a second time.

A value that comes out of an expression is data, also when it holds `${{`.
"""

import re
from collections.abc import Collection, Mapping
from typing import NoReturn, TypeAlias

from pipelines.contexts import STATUS_FUNCTIONS
from pipelines.errors import ExpressionError, Place
from pipelines.expr_eval import evaluate
from pipelines.expr_nodes import Call, Literal, Logical, Node, functions_used, names_used, paths_used
from pipelines.expr_syntax import parse
from pipelines.functions import Function
from pipelines.json_value import Json
from pipelines.model import Tree
from pipelines.records import dataclass
from pipelines.values import concatenate, to_string, truthy

Names: TypeAlias = "Collection[str] | None"
Functions: TypeAlias = "Mapping[str, Function] | None"

WHOLE = ""
"""The key of a table that is one expression, `env: ${{ matrix.env }}`: what it gives are the entries."""
_CLOSE = re.compile(r"(?:[^'}]+|'[^']*+'|}(?!}))*+}}")
_TOP = Place(1, 1)
_SUCCESS = Call("success", ())


@dataclass(frozen=True, slots=True)
class Template:
    """A text as written, at its place, cut into literal texts and expressions."""

    text: str
    place: Place
    parts: tuple[str | Node, ...]

    @classmethod
    def parse(
        cls,
        text: str,
        place: Place = _TOP,
        names: Names = None,
        functions: Names = None,
    ) -> "Template":
        """Read `text`. `names` and `functions` are those that it may use (see `expr_syntax.parse`).

        Raises ExpressionError, whose position counts in `text`; an unclosed `${{` is one.
        """
        if "${{" not in text:
            return cls(text, place, (text,))
        return cls(text, place, tuple(_parts(text, names, functions)))

    @classmethod
    def literal(cls, text: str, place: Place = _TOP) -> "Template":
        """Return a template that stands for `text` itself, whatever it holds."""
        return cls(text, place, (text,))

    @property
    def is_literal(self) -> bool:
        return all(isinstance(part, str) for part in self.parts)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The expressions, in order."""
        return tuple(part for part in self.parts if isinstance(part, Node))

    @property
    def names(self) -> frozenset[str]:
        """The contexts that it names."""
        return frozenset().union(*map(names_used, self.nodes))

    @property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """What it looks up, as far as fixed (see `expr_nodes.paths_used`)."""
        return frozenset().union(*map(paths_used, self.nodes))

    def value(self, contexts: Mapping[str, Json], functions: Functions = None) -> Json:
        """Return the value: of its own type where the text is one `${{ }}` and nothing else, otherwise a string.

        Raises ExpressionError (evaluation).
        """
        if len(self.parts) == 1:
            part = self.parts[0]
            return part if isinstance(part, str) else evaluate(part, contexts, functions)
        return concatenate(
            [part if isinstance(part, str) else to_string(evaluate(part, contexts, functions)) for part in self.parts]
        )

    def string(self, contexts: Mapping[str, Json], functions: Functions = None) -> str:
        """Return the value as text. Raises ExpressionError (evaluation)."""
        return to_string(self.value(contexts, functions))


@dataclass(frozen=True, slots=True)
class Condition:
    """The value of an `if:`, with the `success() &&` that GitHub puts before one that asks for no status."""

    text: str
    place: Place
    node: Node
    is_mixed: bool = False
    """`${{ }}` with text around it: GitHub takes that for a text, which is true unless empty. Seldom what was meant."""

    @classmethod
    def parse(
        cls,
        text: str,
        place: Place = _TOP,
        names: Names = None,
        functions: Names = None,
    ) -> "Condition":
        """Read `text`, bare or within `${{ }}`. Raises ExpressionError, whose position counts in `text`."""
        is_mixed = False
        node: Node = _SUCCESS
        if "${{" in text:
            template = Template.parse(text, place, names, functions)
            is_mixed = len(template.parts) > 1
            node = _as_format(template) if is_mixed else template.nodes[0]
        elif text.strip():
            node = parse(text, names, functions)
        if not functions_used(node) & STATUS_FUNCTIONS:
            node = Logical("&&", (_SUCCESS, node))
        return cls(text, place, node, is_mixed)

    @property
    def adds_success(self) -> bool:
        """Did it ask for no status, so that `success() &&` was put before it?"""
        return isinstance(self.node, Logical) and self.node.operands[0] is _SUCCESS

    @property
    def names(self) -> frozenset[str]:
        """The contexts that it names."""
        return names_used(self.node)

    @property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """What it looks up, as far as fixed (see `expr_nodes.paths_used`)."""
        return paths_used(self.node)

    def evaluate(self, contexts: Mapping[str, Json], functions: Functions = None) -> bool:
        """Does it hold? `functions` must supply the status functions. Raises ExpressionError (evaluation)."""
        return truthy(evaluate(self.node, contexts, functions))


def resolve(tree: Tree, contexts: Mapping[str, Json], functions: Functions = None) -> Json:
    """Return `tree` with every template in its place replaced by its value; a list within a list gives its elements.

    Raises ExpressionError (evaluation).
    """
    if isinstance(tree, Template):
        return tree.value(contexts, functions)
    if isinstance(tree, list):
        found: list[Json] = []
        for element in tree:
            value = resolve(element, contexts, functions)
            if isinstance(element, Template) and isinstance(value, list):
                found += value
            else:
                found.append(value)
        return found
    if isinstance(tree, dict):
        return {key: resolve(element, contexts, functions) for key, element in tree.items()}
    return tree


def _parts(text: str, names: Names, functions: Names) -> list[str | Node]:
    parts: list[str | Node] = []
    position = 0
    while (start := text.find("${{", position)) >= 0:
        if start > position:
            parts.append(text[position:start])
        inside = start + 3
        close = _CLOSE.match(text, inside)
        if close is None:
            raise ExpressionError("parsing", "The ${{ is never closed by }}", start + 1)
        position = close.end()
        parts.append(_expression(text[inside : position - 2], inside, names, functions))
    if position < len(text):
        parts.append(text[position:])
    return parts


def _expression(text: str, offset: int, names: Names, functions: Names) -> Node:
    try:
        return parse(text, names, functions)
    except ExpressionError as error:
        _moved(error, offset)


def _moved(error: ExpressionError, offset: int) -> NoReturn:
    raise ExpressionError(error.kind, error.message, (error.position or 1) + offset) from None


def _as_format(template: Template) -> Node:
    pattern, count = "", 0
    for part in template.parts:
        if isinstance(part, str):
            pattern += part.replace("{", "{{").replace("}", "}}")
        else:
            pattern += f"{{{count}}}"
            count += 1
    return Call("format", (Literal(pattern), *template.nodes))
