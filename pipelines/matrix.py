"""From `strategy.matrix` to its cells, and a cell to the name that people read. Values are plain JSON here.

The rules are GitHub's: "Running variations of jobs in a workflow" in its documentation.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

from pipelines.json_value import Json
from pipelines.records import dataclass
from pipelines.values import equal, kind_of, to_string, upper

MAX_CELLS = 256
MAX_PRODUCT = 65_536  # before `exclude`: beyond it nobody means it, and walking it would hold up the engine
MAX_LABEL = 100

Cell = dict[str, Json]


class MatrixError(ValueError):
    """A matrix that gives no jobs; the message is a sentence for its author."""


@dataclass(frozen=True, slots=True)
class Added:
    """An entry of `include`, and the places of the cells that it extended; without any it is the cell `alone`."""

    entry: Cell
    extended: tuple[int, ...]
    alone: int | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """A matrix with how it came about: `removed` are combinations, each with the entry of `exclude` that it holds.

    `named` is what the name of each cell's job shows: not what an `include` added to a combination.
    """

    vectors: Mapping[str, list[Json]]
    cells: list[Cell]
    named: list[Cell]
    exclude: list[Cell]
    removed: list[tuple[Cell, Cell]]
    added: list[Added]


def expand(matrix: Json) -> list[Cell]:
    """Return the cells of `matrix`: the product of its vectors, the last varying fastest, then what `include` adds.

    `exclude` takes away the cells that hold all its values, compared as `==` does, leaf by leaf: `"16"` is 16, and a
    mapping may name some of the keys. An `include` entry extends every cell whose vector values it does not contradict
    in this sense; one that fits none becomes a cell of its own. Raises MatrixError.
    """
    return expansion(matrix).cells


def expansion(matrix: Json) -> Expansion:
    """Return what `expand` does together with what `exclude` and `include` did to it. Raises MatrixError."""
    if not isinstance(matrix, dict):
        raise MatrixError(f"a matrix is a mapping of vectors, not {kind_of(matrix)}")
    vectors = {key: _vector(key, value) for key, value in matrix.items() if key not in ("include", "exclude")}
    include, exclude = _entries(matrix, "include", vectors), _entries(matrix, "exclude", vectors)
    if not vectors and not include:
        raise MatrixError("a matrix needs at least one vector or an include")
    if prod(map(len, vectors.values())) > MAX_PRODUCT:
        raise MatrixError(f"the matrix makes more than {MAX_CELLS} jobs")
    for entry in exclude:
        for key in entry:
            if key not in vectors:
                raise MatrixError(f"exclude names {key!r}, which is no vector of the matrix")
    cells: list[Cell] = []
    removed: list[tuple[Cell, Cell]] = []
    for cell in _product(vectors):
        held = next((entry for entry in exclude if _fits(cell, entry)), None)
        if held is None:
            cells.append(cell)
        else:
            removed.append((cell, held))
    named = [dict(cell) for cell in cells]
    added = _include(cells, include, frozenset(vectors))
    named += [dict(cells[one.alone]) for one in added if one.alone is not None]
    if len(cells) > MAX_CELLS:
        raise MatrixError(f"the matrix makes {len(cells)} jobs; {MAX_CELLS} are allowed")
    if not cells:
        raise MatrixError("exclude takes every combination out of the matrix")
    return Expansion(vectors, cells, named, exclude, removed, added)


def label(name: str, named: Mapping[str, Json] | None) -> str:
    """Return the name of one cell's job as GitHub makes it: `test (3.12, linux)`, at most 100 characters.

    `named` are the values that it shows: in order, those within mappings and lists too; empty ones are left out.
    """
    words = [word for word in map(to_string, _leaves(dict(named or {}))) if word]
    full = f"{name} ({', '.join(words)})" if words else name
    return full if len(full) <= MAX_LABEL else full[: MAX_LABEL - 3] + "..."


def _product(vectors: Mapping[str, list[Json]]) -> Iterator[Cell]:
    if vectors:
        for values in product(*vectors.values()):
            yield dict(zip(vectors, values, strict=True))


def _include(cells: list[Cell], entries: list[Cell], vectors: frozenset[str]) -> list[Added]:
    """Extend `cells` in place by what `entries` add, and put the entries that fit none behind them."""
    added: list[Added] = []
    originals = len(cells)
    for entry in entries:
        fixed = {key: value for key, value in entry.items() if key in vectors}
        more = {key: value for key, value in entry.items() if key not in vectors}
        fitting = [place for place in range(originals) if _fits(cells[place], fixed)]
        for place in fitting:
            cells[place].update(more)
        if not fitting:
            cells.append({**fixed, **more})
        added.append(Added(entry, tuple(fitting), None if fitting else len(cells) - 1))
    return added


def _fits(value: Json, wanted: Json) -> bool:
    """Return whether each leaf of `wanted` is `==` to what stands at its place in `value`, null where nothing does."""
    if isinstance(wanted, dict):
        return all(_fits(_at(value, key), inner) for key, inner in wanted.items())
    if isinstance(wanted, list):
        there = value if isinstance(value, list) else []
        return all(_fits(there[n] if n < len(there) else None, inner) for n, inner in enumerate(wanted))
    return equal(value, wanted)


def _at(value: Json, key: str) -> Json:
    if not isinstance(value, dict) or key in value:
        return value[key] if isinstance(value, dict) else None
    return next((inner for name, inner in value.items() if upper(name) == upper(key)), None)


def _vector(key: str, value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise MatrixError(f"the matrix vector {key!r} is a list of values, not {kind_of(value)}")
    if not value:
        raise MatrixError(f"the matrix vector {key!r} holds no values")
    return value


def _entries(matrix: Cell, key: str, vectors: Mapping[str, list[Json]]) -> list[Cell]:
    """Return the entries of `include` or `exclude`, the vectors in them spelt as the matrix spells them."""
    spelt = {upper(name): name for name in vectors}
    value = matrix.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise MatrixError(f"{key} is a list of mappings, not {kind_of(value)}")
    entries: list[Cell] = []
    for entry in value:
        if not isinstance(entry, dict) or not entry:
            raise MatrixError(f"each entry of {key} is a mapping with at least one key, not {kind_of(entry)}")
        entries.append({spelt.get(upper(name), name): inner for name, inner in entry.items()})
    return entries


def _leaves(value: Json) -> Iterator[Json]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield value
