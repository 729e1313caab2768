"""The text of an expression, made from its tree: as its author could have written it, blanks and brackets aside."""

import math

from pipelines.expr_nodes import POWERS, WORD, Call, Compare, Filter, Index, Literal, Logical, Name, Node, Not
from pipelines.json_value import Json
from pipelines.values import to_string

_OPERAND = 5


def written(node: Node) -> str:
    """Return `node` as text that parses to an equal tree."""
    match node:
        case Literal(value):
            return literal(value)
        case Name(name):
            return name
        case Index(of, Literal(str(key))) if WORD.fullmatch(key):
            return f"{_base(of)}.{key}"
        case Index(of, key):
            return f"{_base(of)}[{written(key)}]"
        case Filter(of):
            return f"{_base(of)}.*"
        case Not(of):
            return f"!{_within(of, _OPERAND, negated=True)}"
        case Compare(operator, left, right):
            power = POWERS[operator]
            return f"{_within(left, power)} {operator} {_within(right, power + 1)}"
        case Logical(operator, operands):
            return f" {operator} ".join(_within(operand, POWERS[operator] + 1) for operand in operands)
        case Call(function, arguments):
            return f"{function}({', '.join(map(written, arguments))})"
    raise TypeError(f"{type(node).__name__} is no part of an expression")


def literal(value: Json) -> str:
    """Return a text, number, boolean or null as an expression spells it."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)  # exact, which what is interpolated is not
    return "null" if value is None else to_string(value)


def _base(node: Node) -> str:
    return f"({written(node)})" if isinstance(node, Literal) else _within(node, _OPERAND)


def _within(node: Node, power: int, *, negated: bool = False) -> str:
    """Return an operand of something that binds with `power`, in brackets where it would bind less by itself."""
    own = POWERS[node.operator] if isinstance(node, Compare | Logical) else _OPERAND
    bare = own >= power and (negated or power < _OPERAND or not isinstance(node, Not))
    return written(node) if bare else f"({written(node)})"
