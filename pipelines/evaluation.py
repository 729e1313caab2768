"""The parts of a plan that hang on expressions, evaluated: what cannot be becomes a WorkflowError at its place."""

from collections.abc import Mapping, Sequence

from pipelines.errors import ExpressionError, Finding, Place, Severity, WorkflowError
from pipelines.json_value import Json
from pipelines.matrix import Cell, MatrixError, expansion, label
from pipelines.model import Concurrency, Job, Strategy, Tree
from pipelines.records import dataclass
from pipelines.template import Template, resolve
from pipelines.values import kind_of, to_number

Contexts = Mapping[str, Json]

KNOWN_EARLY = frozenset({"github", "inputs", "vars", "strategy", "matrix"})
"""The contexts that are known before any job has run."""
STRATEGY_KEYS = ("matrix", "fail-fast", "max-parallel")


def names_of(*parts: "Tree | Strategy | Concurrency") -> frozenset[str]:
    """Return the contexts that any template within `parts` names."""
    names: frozenset[str] = frozenset()
    waiting: list[Tree | Strategy | Concurrency] = list(parts)
    while waiting:
        part = waiting.pop()
        if isinstance(part, Template):
            names |= part.names
        elif isinstance(part, Strategy):
            waiting += (part.matrix, part.fail_fast, part.max_parallel, part.whole)
        elif isinstance(part, Concurrency):
            waiting += (part.group, part.cancel_in_progress)
        elif isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return names


_ALONE: "Sequence[tuple[Cell | None, Cell | None]]" = ((None, None),)


@dataclass(frozen=True, slots=True)
class Variations:
    """A strategy, evaluated: a cell for each job, None for one that has no matrix, and what of it its name shows."""

    cells: Sequence[tuple[Cell | None, Cell | None]]
    fail_fast: bool = True
    max_parallel: int | None = None


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates with one set of contexts; what fails becomes a WorkflowError at the place of what was evaluated."""

    path: str
    contexts: Contexts

    def value(self, template: Template) -> Json:
        try:
            return template.value(self.contexts)
        except ExpressionError as error:
            raise refusal(self.path, template.place, error.message) from None

    def text(self, template: Template) -> str:
        try:
            return template.string(self.contexts)
        except ExpressionError as error:
            raise refusal(self.path, template.place, error.message) from None

    def flag(self, template: Template | None, default: bool) -> bool:
        return default if template is None else self._flag(self.value(template), template.place)

    def count(self, template: Template | None) -> int | None:
        """Return a whole number above zero, or None where none is set."""
        return None if template is None else self._count(self.value(template), template.place)

    def variations(self, strategy: Strategy | None) -> Variations:
        """Return what a strategy comes to; without one, a single job."""
        if strategy is None:
            return Variations(_ALONE)
        if strategy.whole is None:
            return Variations(
                self._cells(strategy), self.flag(strategy.fail_fast, default=True), self.count(strategy.max_parallel)
            )
        said, place = self.value(strategy.whole), strategy.whole.place
        if not isinstance(said, dict):
            raise refusal(self.path, place, f"strategy must be a mapping, not {kind_of(said)}")
        if unknown := [key for key in said if key not in STRATEGY_KEYS]:
            raise refusal(self.path, place, f"strategy has no key {unknown[0]!r}, only {', '.join(STRATEGY_KEYS)}")
        matrix, most = said.get("matrix"), said.get("max-parallel")
        return Variations(
            _ALONE if matrix is None else self._expanded(matrix, place),
            self._flag(said.get("fail-fast", True), place),
            None if most is None else self._count(most, place),
        )

    def _flag(self, value: Json, place: Place) -> bool:
        if value in ("true", "false"):
            return value == "true"
        if isinstance(value, bool):
            return value
        raise refusal(self.path, place, f"this must be true or false, not {value!r}")

    def _count(self, value: Json, place: Place) -> int:
        number = to_number(value)
        if isinstance(value, bool) or not number >= 1 or number != number // 1 or number > 2**31:
            raise refusal(self.path, place, f"this must be a whole number from 1, not {value!r}")
        return int(number)

    def _cells(self, strategy: Strategy) -> Sequence[tuple[Cell | None, Cell | None]]:
        if strategy.matrix is None:
            return _ALONE
        place = strategy.matrix.place if isinstance(strategy.matrix, Template) else strategy.place
        try:
            return self._expanded(resolve(strategy.matrix, self.contexts), place)
        except ExpressionError as error:
            raise refusal(self.path, place, str(error)) from None

    def _expanded(self, matrix: Json, place: Place) -> Sequence[tuple[Cell | None, Cell | None]]:
        try:
            found = expansion(matrix)
            return list(zip(found.cells, found.named, strict=True))
        except MatrixError as error:
            raise refusal(self.path, place, str(error)) from None

    def job_name(self, job: Job, name: str, named: Cell | None) -> str:
        """Return the job's display name: what `name:` evaluates to, else `name` with the values that tell it apart."""
        if job.name is not None and not job.name.is_literal and (text := self.text(job.name).strip()):
            return text
        return label(name, named)

    def concurrency(self, concurrency: Concurrency) -> tuple[str, bool]:
        group = self.text(concurrency.group).strip().lower()
        if not group:
            raise refusal(self.path, concurrency.group.place, "the concurrency group is empty")
        return group, self.flag(concurrency.cancel_in_progress, default=False)


def refusal(path: str, place: Place, message: str, hint: str | None = None) -> WorkflowError:
    """Return the error of a file with one thing wrong in it."""
    return WorkflowError(path, (Finding(Severity.ERROR, place, message, hint),))
