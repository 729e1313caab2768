"""`strategy:` of a job: its matrix, still unexpanded, and how its jobs run together."""

from pipelines.evaluation import STRATEGY_KEYS
from pipelines.expr_nodes import Index, Literal, Name
from pipelines.model import Job, Strategy, Tree
from pipelines.reading import Reader, is_expression
from pipelines.source import Mapping, Node, Sequence
from pipelines.template import WHOLE, Template

_AT = "jobs.<job_id>.strategy"


def parse_strategy(reader: Reader, node: Node | None) -> Strategy | None:
    if node is None:
        return None
    if is_expression(node):
        whole = reader.template(node, "strategy", _AT)
        return None if whole is None else Strategy(None, node.place, whole=whole)
    fields = reader.fields(node, "strategy", STRATEGY_KEYS)
    return Strategy(
        _matrix(reader, fields.get("matrix")),
        node.place,
        reader.flag(fields.get("fail-fast"), "strategy.fail-fast", _AT),
        reader.amount(fields.get("max-parallel"), "strategy.max-parallel", _AT),
    )


def check_spread(reader: Reader, job: Job) -> None:
    """Complain of `env: ${{ matrix.KEY }}`, and of a `with:` like it, where the matrix says that KEY is no mapping."""
    matrix = job.strategy.matrix if job.strategy else None
    tables = [("env", job.env), *(one for step in job.steps for one in (("env", step.env), ("with", step.with_)))]
    for what, table in tables:
        match table.get(WHOLE):
            case Template(parts=(Index(Name("matrix"), Literal(str(key))),), place=place):
                if any(not isinstance(value, dict) for value in _values(matrix, key)):
                    reader.error(place, f"{what} must be a mapping, and not all values of matrix.{key} are")


def _values(matrix: Tree, key: str) -> list[Tree]:
    """Return the values that are written for a key of a matrix; those that an expression gives are not known."""
    if not isinstance(matrix, dict):
        return []
    vector, include = matrix.get(key), matrix.get("include")
    added = [one[key] for one in include if isinstance(one, dict) and key in one] if isinstance(include, list) else []
    values = [*(vector if isinstance(vector, list) else []), *added]
    return [value for value in values if not isinstance(value, Template) or value.is_literal]


def _matrix(reader: Reader, node: Node | None) -> Tree:
    if node is None or is_expression(node):
        return reader.template(node, "matrix", _AT)
    matrix: dict[str, Tree] = {}
    for key, value in reader.entries(node, "matrix", evaluated=True):
        what = f"matrix.{key.text}"
        if not is_expression(value):
            _check_vector(reader, value, what, of_mappings=key.text in ("include", "exclude"))
        matrix[key.text] = reader.tree(value, what, _AT)
    if isinstance(node, Mapping) and not node.pairs:
        reader.error(node.place, "matrix is empty")
    return matrix


def _check_vector(reader: Reader, node: Node, what: str, of_mappings: bool) -> None:
    items = reader.items(node, what)
    if isinstance(node, Sequence) and not items:
        reader.error(node.place, f"{what} is an empty list", "leave it out, or give it a value")
    for item in items if of_mappings else ():
        if not isinstance(item, Mapping) and not is_expression(item):
            reader.error(item.place, f"{what} lists mappings")
