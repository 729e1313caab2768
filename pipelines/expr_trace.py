"""Why an expression came to its value: every part of it with what it came to, in the order in which it is written.

There is one evaluator: this one watches it. What an evaluation never looked at, for it was decided before, says so.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

from pipelines.errors import ExpressionError
from pipelines.expr_eval import Scope
from pipelines.expr_nodes import Call, Filter, Index, Literal, Name, Node, children, names_used, paths_used
from pipelines.expr_text import literal, written
from pipelines.functions import Function
from pipelines.json_value import Json
from pipelines.records import dataclass

MOST_ROWS = 60
LONGEST = 120  # characters of a value that are shown
LONGEST_TEXT = 300  # and of an expression
HIDDEN = "***"
TOKEN = ("github", "token")


@dataclass(frozen=True, slots=True)
class Row:
    """One part for people: `depth` levels within the whole. Without a `value` it was not looked at.

    `note` says what else there is to know of the value, such as whom success() asked.
    """

    depth: int
    text: str
    value: str | None
    note: str = ""

    @property
    def line(self) -> str:
        """`github.ref` → 'refs/heads/dev'"""
        said = "not looked at" if self.value is None else f"→ {self.value}"
        return f"{'  ' * self.depth}{self.text} {said}{f' ({self.note})' if self.note else ''}"

    def to_json(self) -> list[Any]:
        return [self.depth, self.text, self.value, self.note]

    @classmethod
    def from_json(cls, told: Sequence[Any]) -> Self:
        return cls(*told)


@dataclass(frozen=True, slots=True)
class Trace:
    """What one part of an expression came to. `looked` is False when nobody asked for it; `error` says why it failed.

    `parts` are its own, in source order.
    """

    node: Node
    value: Json = None
    looked: bool = True
    error: str = ""
    parts: tuple["Trace", ...] = ()

    def rows(self, mask: Callable[[str], str] = str, notes: Mapping[str, str] | None = None) -> list[Row]:
        """Return the whole and below it each part that is no literal; names that only lead to a value are none.

        `mask` hides what may not be shown in any text; what comes of `secrets` and of the token is hidden anyway.
        `notes` are added to calls of functions, by name.
        """
        rows: list[Row] = []
        for depth, part in _walk(self, 0):
            if len(rows) == MOST_ROWS:
                rows.append(Row(0, "… and more", None))
                break
            note = (notes or {}).get(part.node.function, "") if isinstance(part.node, Call) and part.looked else ""
            text = cut(mask(written(part.node)), LONGEST_TEXT)
            rows.append(Row(depth, text, _value(part, mask), mask(note)))
        return rows


def trace(node: Node, contexts: Mapping[str, Json], functions: Mapping[str, Function] | None = None) -> Trace:
    """Evaluate `node` as `evaluate` does, and return all that was seen on the way. Raises nothing: see `error`."""
    watch = _Watch(contexts, functions)
    try:
        watch.value(node)
    except ExpressionError:
        pass  # it is in the trace, at the part that failed and all around it
    return watch.seen[0]


class _Watch(Scope):
    """An evaluation that keeps every value. `seen` are the parts that were looked at last, at the level in hand."""

    __slots__ = ("seen",)

    def __init__(self, contexts: Mapping[str, Json], functions: Mapping[str, Function] | None) -> None:
        super().__init__(contexts, functions)
        self.seen: list[Trace] = []

    def value(self, node: Node) -> Json:
        outer, self.seen = self.seen, []
        value: Json = None
        error = ""
        try:
            value = super().value(node)
            return value
        except ExpressionError as failed:
            error = failed.message
            raise
        finally:
            outer.append(Trace(node, value, True, error, tuple(_in_order(node, self.seen))))
            self.seen = outer


def _in_order(node: Node, seen: Sequence[Trace]) -> Iterator[Trace]:
    """Yield the parts of `node`: those seen, which come in source order, and between them those that were not."""
    waiting = iter(seen)
    upcoming = next(waiting, None)
    for child in children(node):
        if upcoming is not None and upcoming.node is child:
            yield upcoming
            upcoming = next(waiting, None)
        else:
            yield Trace(child, looked=False)


def _walk(whole: Trace, depth: int) -> Iterator[tuple[int, Trace]]:
    yield depth, whole
    if whole.looked:
        for part in _telling(whole):
            yield from _walk(part, depth + 1)


def _telling(of: Trace) -> Iterator[Trace]:
    """Yield the parts whose values tell something: `a.b.c` is one value, and a literal is its own."""
    path = isinstance(of.node, Index | Filter)
    for place, part in enumerate(of.parts):
        leads_on = path and not place
        if leads_on and isinstance(part.node, Index | Filter):
            yield from _telling(part)
        elif not isinstance(part.node, Literal) and not (leads_on and isinstance(part.node, Name)):
            yield part


def _value(part: Trace, mask: Callable[[str], str]) -> str | None:
    if not part.looked:
        return None
    if part.error:
        return f"failed: {cut(mask(part.error), LONGEST_TEXT)}"
    if part.value != "" and not isinstance(part.value, bool | None) and _is_secret(part.node):
        return HIDDEN
    return shown(part.value, mask)


def _is_secret(node: Node) -> bool:
    return "secrets" in names_used(node) or any(
        tuple(map(str.lower, path[:2])) == TOKEN or path == TOKEN[:1] for path in paths_used(node)
    )


def shown(value: Json, mask: Callable[[str], str] = str, longest: int = LONGEST) -> str:
    """Return a value as an expression would spell it, as far as there is one; long ones are cut, secrets hidden."""
    return _one(value, mask, longest)[0]


def _one(value: Json, mask: Callable[[str], str], left: int) -> tuple[str, int]:
    """Return a value's text and how many characters may follow it."""
    if isinstance(value, dict):
        return _many(value.items(), "{", "}", mask, left)
    if isinstance(value, list):
        return _many(value, "[", "]", mask, left)
    if isinstance(value, str):
        whole = mask(value)
        text = "'" + cut(whole.replace("\r", "").replace("\n", "\\n").replace("'", "''"), max(left, 12)) + "'"
        text += f" ({len(whole):,} characters)" if text.endswith("…'") else ""
    else:
        text = mask(literal(value))
    return text, left - len(text)


def _many(members: Any, opens: str, closes: str, mask: Callable[[str], str], left: int) -> tuple[str, int]:
    texts: list[str] = []
    for member in members:
        if left <= 0:
            texts.append("…")
            break
        key, value = member if opens == "{" else ("", member)
        text, left = _one(value, mask, left)
        name = f"{cut(mask(key), LONGEST)}: " if opens == "{" else ""
        texts.append(name + text)
        left -= len(name) + 2
    return f"{opens}{', '.join(texts)}{closes}", left


def cut(text: str, most: int) -> str:
    """Return a text in at most so many characters, an ellipsis where it was cut."""
    return text if len(text) <= most else text[: most - 1] + "…"
