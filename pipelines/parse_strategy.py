"""`strategy:` of a job: its matrix, still unexpanded, and how its jobs run together."""

from pipelines.evaluation import STRATEGY_KEYS
from pipelines.model import Strategy, Tree
from pipelines.reading import Reader, is_expression
from pipelines.source import Mapping, Node, Sequence

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
