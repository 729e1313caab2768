"""Typed access to the nodes of a workflow file. Every complaint is kept, with its place, and reading goes on.

A method that finds something else than it was asked for complains once and returns None (or nothing), so that a
caller may simply carry on; given no node at all, it returns the same and complains of nothing. It knows shapes and
expressions, but no key of the workflow language.
"""

import difflib
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from pipelines import contexts
from pipelines.errors import ExpressionError, Finding, Place, Severity
from pipelines.model import Tree
from pipelines.scalars import scalar_text
from pipelines.source import Document, Mapping, Node, Scalar, Sequence
from pipelines.template import WHOLE, Condition, Template

Names = tuple[frozenset[str], frozenset[str]]
"""Contexts and special functions that an expression may name."""


class Fields(dict[str, Node]):
    """The values of a mapping with known keys, by key. `places` are those of the keys, `place` the mapping's own."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: dict[str, Place] = {}


class Reader:
    """Reads one document and gathers what is wrong with it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings: list[Finding] = list(document.findings)

    # complaints

    def error(self, place: Place, message: str, hint: str | None = None) -> None:
        self.findings.append(Finding(Severity.ERROR, place, message, hint))

    def warn(self, place: Place, message: str, hint: str | None = None) -> None:
        self.findings.append(Finding(Severity.WARNING, place, message, hint))

    def refuse(self, place: Place, what: str, hint: str | None = None) -> None:
        """Note a valid thing that this version cannot do: a warning here, a refusal for a run that needs it."""
        message = f"{what} not supported by this version: a run that needs it is refused"
        self.findings.append(Finding(Severity.WARNING, place, message, hint, unsupported=True))

    @contextmanager
    def gathering(self, found: list[Finding]) -> Iterator[None]:
        """Copy to `found` what is noted as unsupported meanwhile."""
        before = len(self.findings)
        yield
        found.extend(finding for finding in self.findings[before:] if finding.unsupported)

    def failed(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    def in_order(self) -> tuple[Finding, ...]:
        """Return each finding once, in the order of the file. (What an alias repeats is read repeatedly.)"""
        return tuple(sorted(dict.fromkeys(self.findings), key=lambda found: (found.place.line, found.place.column)))

    # collections

    def entries(self, node: Node | None, what: str, evaluated: bool = False) -> list[tuple[Scalar, Node]]:
        """Return the pairs of a mapping whose keys are the writer's own; `evaluated`: expressions on GitHub."""
        if node is None:
            return []
        if not isinstance(node, Mapping):
            self._wrong(node, what, "a mapping")
            return []
        pairs = []
        for key, value in node.pairs:
            if key.value is None or not key.text:
                self.error(key.place, f"{what}: a key is empty")
            elif "${{" in key.text and evaluated:
                self.refuse(key.place, f"{what}: an expression as a key is")
            elif "${{" in key.text:
                self.error(key.place, f"{what}: an expression cannot be a key")
            else:
                pairs.append((key, value))
        return pairs

    def fields(self, node: Node, what: str, known: Collection[str], required: Collection[str] = ()) -> Fields:
        """Return the values of a mapping whose keys are given, complaining of others and of required ones not there."""
        fields = Fields(node.place)
        if not isinstance(node, Mapping):
            self._wrong(node, what, "a mapping")
            return fields
        for key, value in node.pairs:
            if key.text in known:
                fields[key.text] = value
                fields.places[key.text] = key.place
            else:
                self.unknown(key, what, known)
        for name in required:
            if name not in fields:
                self.error(node.place, f"{what} lacks the key {name!r}")
        return fields

    def unknown(self, name: Scalar, what: str, known: Collection[str], kind: str = "key") -> None:
        """Complain of a name that is not among the known ones, with the nearest of them or else all."""
        self.error(name.place, f"{what} has no {kind} {_short(name.text)}", _nearest(name.text, known))

    def items(self, node: Node | None, what: str) -> "list[Node]":
        if node is None:
            return []
        if isinstance(node, Sequence):
            return node.items
        self._wrong(node, what, "a list")
        return []

    # literals: no expression is evaluated there

    def text(self, node: Node | None, what: str, empty: bool = False) -> str | None:
        """Return literal text; numbers and booleans read as the text that they print as."""
        scalar = self._scalar(node, what)
        if scalar is None:
            return None
        text = scalar_text(scalar.value)
        if "${{" in text:
            self.error(scalar.place, f"{what} cannot hold an expression")
        elif not text and not empty:
            self.error(scalar.place, f"{what} is empty")
        else:
            return text
        return None

    def texts(self, node: Node | None, what: str) -> tuple[str, ...]:
        """Return a list of literal texts; one text alone is a list of one."""
        nodes = node.items if isinstance(node, Sequence) else [node]
        return tuple(text for item in nodes if (text := self.text(item, what)) is not None)

    def choice(self, node: Node | None, what: str, allowed: Collection[str]) -> str | None:
        text = self.text(node, what)
        if node is None or text is None or text in allowed:
            return text
        self.error(node.place, f"{what} cannot be {_short(text)}", _nearest(text, allowed))
        return None

    def boolean(self, node: Node | None, what: str) -> bool | None:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        if node is not None:
            self._wrong(node, what, "true or false")
        return None

    def number(self, node: Node | None, what: str) -> int | float | None:
        if isinstance(node, Scalar) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return node.value
        if node is not None:
            self._wrong(node, what, "a number")
        return None

    def between(self, node: Node | None, what: str, low: float, high: float) -> float | None:
        number = self.number(node, what)
        if node is None or number is None or low <= number <= high:
            return number
        self.error(node.place, f"{what} must be from {low:g} to {high:g}, not {scalar_text(number)}")
        return None

    def whole(self, node: Node | None, what: str, low: int, high: int) -> int | None:
        number = self.between(node, what, low, high)
        if node is None or number is None:
            return None
        if number != int(number):
            self.error(node.place, f"{what} must be a whole number, not {scalar_text(number)}")
            return None
        return int(number)

    # text that may hold expressions

    def template(self, node: Node | None, what: str, names: str | Names, empty: bool = True) -> Template | None:
        """Return text with the expressions that `names` allows: a position of `contexts`, or the names."""
        scalar = self._scalar(node, what)
        if scalar is None:
            return None
        text = scalar_text(scalar.value)
        if not text and not empty:
            self.error(scalar.place, f"{what} is empty")
        if "${{" not in text:
            return Template.literal(text, scalar.place)
        whole, allowed = text, _allowed(names)
        while True:  # each round finds one faulty expression and blanks it out
            try:
                template = Template.parse(text, scalar.place, *allowed)
                return template if text is whole else None
            except ExpressionError as error:
                self._expression(scalar, what, error)
                position = error.position or 1
                start, end = text.rfind("${{", 0, position + 2), text.find("}}", position) + 2
                if start < 0 or end < 2:
                    return None
                text = text[:start] + " " * (end - start) + text[end:]

    def table(self, node: Node | None, what: str, names: str | Names, whole: bool = False) -> dict[str, Template]:
        """Return a mapping of the writer's own keys to texts, such as `env`; `whole`: it may be one expression."""
        if whole and node is not None and is_expression(node):
            given = self.template(node, what, names)
            if given is None or (len(given.parts) == 1 and not given.is_literal):
                return {} if given is None else {WHOLE: given}
        read = (
            (key.text, self.template(value, f"{what}.{key.text}", names)) for key, value in self.entries(node, what)
        )
        return {key: template for key, template in read if template is not None}

    def flag(self, node: Node | None, what: str, names: str | Names) -> Template | None:
        """Return true, false or an expression."""
        if node is None or is_expression(node):
            return self.template(node, what, names)
        value = self.boolean(node, what)
        return None if value is None else Template.literal(scalar_text(value), node.place)

    def amount(self, node: Node | None, what: str, names: str | Names) -> Template | None:
        """Return a number or an expression."""
        if node is None or is_expression(node):
            return self.template(node, what, names)
        value = self.number(node, what)
        return None if value is None else Template.literal(scalar_text(value), node.place)

    def condition(self, node: Node | None, what: str, names: str | Names) -> Condition | None:
        """Return an `if:`, with or without its `${{ }}`; an empty one is None, as if it were not there."""
        scalar = self._scalar(node, what)
        text = "" if scalar is None else scalar_text(scalar.value)
        if scalar is None or not text.strip():
            return None
        try:
            condition = Condition.parse(text, scalar.place, *_allowed(names))
        except ExpressionError as error:
            self._expression(scalar, what, error)
            return None
        if condition.is_mixed:
            message = f"{what} is always true, for the text around ${{{{ }}}} makes it a text"
            self.warn(scalar.place, message, "write one expression, within ${{ }} or bare")
        return condition

    def tree(self, node: Node | None, what: str, names: str | Names) -> Tree:
        """Return any value, its texts as templates."""
        if isinstance(node, Sequence):
            return [self.tree(item, what, names) for item in node.items]
        if isinstance(node, Mapping):
            return {key.text: self.tree(value, what, names) for key, value in self.entries(node, what, evaluated=True)}
        return self.template(node, what, names) if node is None or isinstance(node.value, str) else node.value

    def _scalar(self, node: Node | None, what: str) -> Scalar | None:
        if node is None or isinstance(node, Scalar):
            return node
        self._wrong(node, what, "text")
        return None

    def _expression(self, node: Scalar, what: str, error: ExpressionError) -> None:
        place = node.place if error.position is None else self.document.place_in(node, error.position - 1)
        self.error(place, f"{what}: {error.message}")

    def _wrong(self, node: Node, what: str, wanted: str) -> None:
        if isinstance(node, Scalar):
            got = _short(node.text) if node.text else "nothing"
        else:
            got = "a list" if isinstance(node, Sequence) else "a mapping"
        self.error(node.place, f"{what} must be {wanted}, not {got}")


def is_null(node: Node) -> bool:
    """Return whether a key was given no value."""
    return isinstance(node, Scalar) and node.value is None


def is_expression(node: Node) -> bool:
    """Return whether a node is text that holds an expression."""
    return isinstance(node, Scalar) and isinstance(node.value, str) and "${{" in node.value


def _allowed(names: str | Names) -> Names:
    return contexts.allowed(names) if isinstance(names, str) else names


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name[:60].lower(), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
