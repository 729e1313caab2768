"""From the tree of an expression to its value. Reads its contexts, changes nothing, never parses a value again."""

from collections.abc import Callable, Mapping

from pipelines.errors import ExpressionError
from pipelines.expr_nodes import Call, Compare, Filter, Index, Literal, Logical, Name, Node, Not
from pipelines.functions import BUILTINS, Function
from pipelines.json_value import Json
from pipelines.values import equal, less, to_number, to_string, truthy


class _Filtered(list[Json]):
    """What a star filter found: an index that follows goes to each element, not to the list."""


class Scope:
    """What an evaluation may read. Every value goes through `value`: who wants to watch overrides it."""

    __slots__ = ("contexts", "functions")

    def __init__(self, contexts: Mapping[str, Json], functions: Mapping[str, Function] | None = None) -> None:
        self.contexts = contexts
        self.functions = functions or {}

    def value(self, node: Node) -> Json:
        """Return the value of `node`, a whole expression or a part of one. Raises ExpressionError (evaluation)."""
        return _RULES[type(node)](node, self)


def evaluate(node: Node, contexts: Mapping[str, Json], functions: Mapping[str, Function] | None = None) -> Json:
    """Return the value of `node`.

    `contexts` are looked up by name, blind to case; what is not there is null. `functions` supplies the special
    functions (`success`, `hashFiles`, …), called with the evaluated arguments: `success` and `failure` may get job ids.
    Values are shared with the contexts, not copied. Raises ExpressionError (evaluation).
    """
    return Scope(contexts, functions).value(node)


def _index(node: Index, scope: Scope) -> Json:
    of = scope.value(node.of)
    key = scope.value(node.key)
    if isinstance(of, _Filtered):
        return _Filtered([found for element in of for found in _found(element, key)])
    return next(iter(_found(of, key)), None)


def _filter(node: Filter, scope: Scope) -> Json:
    of = scope.value(node.of)
    if isinstance(of, _Filtered):
        return _Filtered([inner for element in of for inner in _elements(element)])
    return _Filtered(_elements(of))


def _compare(node: Compare, scope: Scope) -> Json:
    left, right = scope.value(node.left), scope.value(node.right)
    match node.operator:
        case "==":
            return equal(left, right)
        case "!=":
            return not equal(left, right)
        case "<":
            return less(left, right)
        case ">":
            return less(right, left)
        case "<=":
            return less(left, right) or equal(left, right)
    return less(right, left) or equal(left, right)


def _logical(node: Logical, scope: Scope) -> Json:
    stop = node.operator == "||"
    value: Json = None
    for operand in node.operands:
        value = scope.value(operand)
        if truthy(value) is stop:
            break
    return value


def _call(node: Call, scope: Scope) -> Json:
    name = node.function
    if name == "case":
        return _case(node, scope)
    function = scope.functions.get(name) or BUILTINS.get(name)
    if function is None:
        raise ExpressionError("evaluation", f"{name}() has no meaning here", node.position)
    arguments = [scope.value(argument) for argument in node.arguments]
    try:
        return function(*arguments)
    except ExpressionError as error:
        raise ExpressionError(error.kind, error.message, error.position or node.position or None) from None


def _case(node: Call, scope: Scope) -> Json:
    *pairs, default = node.arguments
    for condition, result in zip(pairs[::2], pairs[1::2], strict=True):
        answer = scope.value(condition)
        if not isinstance(answer, bool):
            raise ExpressionError("evaluation", "case: each condition must be true or false", node.position)
        if answer:
            return scope.value(result)
    return scope.value(default)


def _found(of: Json, key: Json) -> list[Json]:
    """Return the one element of `of` that `key` names, or none."""
    if isinstance(key, (list, dict)):
        return []
    if isinstance(of, dict):
        return _member(of, to_string(key))
    if isinstance(of, list):
        place = to_number(key)
        return [of[int(place)]] if 0 <= place < len(of) else []
    return []


def _member(mapping: Mapping[str, Json], key: str) -> list[Json]:
    if key in mapping:
        return [mapping[key]]
    lower = key.lower()
    return [value for name, value in mapping.items() if name.lower() == lower][:1]


def _elements(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _name(node: Name, scope: Scope) -> Json:
    return next(iter(_member(scope.contexts, node.name)), None)


def _literal(node: Literal, _: Scope) -> Json:
    return node.value


def _not(node: Not, scope: Scope) -> Json:
    return not truthy(scope.value(node.of))


_RULES: dict[type[Node], Callable[..., Json]] = {
    Literal: _literal,
    Name: _name,
    Index: _index,
    Filter: _filter,
    Not: _not,
    Compare: _compare,
    Logical: _logical,
    Call: _call,
}
