"""YAML text in, positioned nodes out. Scalars follow the YAML 1.2 core schema; nothing here knows what a workflow is.

It reads PyYAML's event stream rather than its node graph, so that hostile files (deep nesting, alias bombs,
recursive anchors) are stopped by a cap while they are read, and never by the interpreter's stack.
"""

import re
from collections.abc import Iterator
from dataclasses import field
from itertools import islice
from typing import Any, TypeAlias

import yaml

from pipelines.errors import Finding, Place, Severity
from pipelines.records import dataclass
from pipelines.scalars import Value, scalar_value

MAX_BYTES = 1 << 20
MAX_DEPTH = 50  # GitHub's own limit
MAX_NODES = 200_000  # after aliases are expanded
MAX_ALIAS_CHARS = 8 << 20  # text repeated through aliases


@dataclass(slots=True)
class Scalar:
    """A leaf. `text` is what stood in the file after unquoting, `value` what the core schema makes of it.

    `index` is where it starts in the text; `block` tells `|` and `>`, `quoted` the two quotes.
    """

    line: int
    column: int
    value: Value
    text: str
    index: int = 0
    quoted: bool = False
    block: bool = False

    @property
    def place(self) -> Place:
        return Place(self.line, self.column)


@dataclass(slots=True)
class Sequence:
    line: int
    column: int
    items: "list[Node]" = field(default_factory=list)

    @property
    def place(self) -> Place:
        return Place(self.line, self.column)


@dataclass(slots=True)
class Mapping:
    """Pairs in the order of the file; no two keys are equal when case is ignored."""

    line: int
    column: int
    pairs: "list[tuple[Scalar, Node]]" = field(default_factory=list)

    @property
    def place(self) -> Place:
        return Place(self.line, self.column)


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(slots=True)
class Document:
    """One file. `findings` are errors that did not stop the reading: duplicate keys, merge keys, swallowed text."""

    text: str
    root: Node
    findings: list[Finding]

    def place_in(self, scalar: Scalar, offset: int) -> Place:
        """Return where the character at `offset` of a scalar's text stands in the file.

        The n-th `${{` of the text is the n-th one after the scalar's start, whatever its quoting or folding.
        Outside of an expression, lines are counted; exact but for text behind an escape.
        """
        start = scalar.text.rfind("${{", 0, offset + 3)
        if start >= 0:
            at = scalar.index - 1
            for _ in range(scalar.text.count("${{", 0, start) + 1):
                at = self.text.find("${{", at + 1)
            if at >= 0:
                return self._place(self._walk(scalar.text, start, offset, at))
        before = scalar.text.rfind("\n", 0, offset) + 1
        breaks = scalar.text.count("\n", 0, offset)
        if not breaks and not scalar.block:
            return Place(scalar.line, scalar.column + offset + scalar.quoted)
        line = scalar.line + breaks + scalar.block
        lines = self.text.split("\n")
        raw = lines[line - 1] if line <= len(lines) else ""
        return Place(line, len(raw) - len(raw.lstrip()) + offset - before + 1)

    def _walk(self, written: str, start: int, offset: int, at: int) -> int:
        """Step from `start` to `offset` in the text and from `at` in the file, past indentation after line breaks."""
        while start < offset and at < len(self.text):
            if self.text[at] in "\r\n":
                while at < len(self.text) and self.text[at] in "\r\n \t":
                    at += 1
                while start < offset and written[start] in "\n \t":
                    start += 1
            else:
                start, at = start + 1, at + 1
        return at

    def _place(self, index: int) -> Place:
        line_start = max(self.text.rfind("\n", 0, index), self.text.rfind("\r", 0, index)) + 1
        return Place(self.text.count("\n", 0, index) + 1, index - line_start + 1)


class SourceError(Exception):
    """A text that is no YAML document that we read; the first thing wrong with it, and where."""

    def __init__(self, line: int, column: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.finding = Finding(Severity.ERROR, Place(line, column), message, hint)


# YAML 1.1 breaks lines at these, YAML 1.2 does not: hidden from libyaml behind characters that a file does not use.
_OLD_BREAKS = "\x85\u2028\u2029"
_FORBIDDEN = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_TAG = "tag:yaml.org,2002:"
_PARSER: Any = getattr(yaml, "CLoader", yaml.Loader)


def read(source: str | bytes) -> Document:
    """Read the one document of a file. Raises SourceError with the first place that cannot be read.

    Aliases are expanded by sharing nodes; their expansion counts against the caps.
    """
    text = _decode(source)
    hidden = {ord(old): new for old, new in zip(_OLD_BREAKS, _unused(text), strict=False) if old in text}
    builder = _Builder({new: chr(old) for old, new in hidden.items()})
    loader = _PARSER(text.translate(hidden) if hidden else text)
    try:
        root = builder.build(iter(loader.get_event, None))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        words = " ".join(filter(None, (error.context, error.problem))) or "this is not YAML"
        raise SourceError(*place, f"YAML: {words}", _yaml_hint(text, place[0])) from None
    finally:
        loader.dispose()
    return Document(text, root, builder.findings)


def _decode(source: str | bytes) -> str:
    if len(source) > MAX_BYTES:
        raise SourceError(1, 1, f"the file is larger than {MAX_BYTES >> 20} MiB")
    if isinstance(source, bytes):
        try:
            text = source.decode("utf-8")
        except UnicodeDecodeError as error:
            before = source[: error.start].decode("utf-8", "replace")
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            raise SourceError(line, column, "the file is not UTF-8 text") from None
    else:
        text = source
    text = text.removeprefix("\ufeff")
    if bad := _FORBIDDEN.search(text):
        line, column = text.count("\n", 0, bad.start()) + 1, bad.start() - text.rfind("\n", 0, bad.start())
        raise SourceError(line, column, f"the character U+{ord(bad[0]):04X} is not allowed in YAML")
    return text


def _unused(text: str) -> list[str]:
    """Return private-use characters that `text` lacks, one for each old line break in it."""
    if not any(old in text for old in _OLD_BREAKS):
        return []
    return list(islice((c for c in map(chr, range(0xE000, 0xF8FF)) if c not in text), len(_OLD_BREAKS)))


def _yaml_hint(text: str, line: int) -> str | None:
    lines = text.split("\n")
    here = lines[line - 1] if line <= len(lines) else ""
    if here.lstrip(" ").startswith("\t"):
        return "indent with spaces; YAML takes no tabs there"
    if re.search(r":\s+[^'\"\s|>#].*:\s", here):
        return "text with a colon and a space in it needs quotes"
    return None


@dataclass(slots=True)
class _Open:
    """A collection that is being read: the key that waits for its value, and what stood before it began."""

    node: Sequence | Mapping
    anchor: str | None
    nodes_before: int
    chars_before: int
    key: Scalar | None = None
    height: int = 1


@dataclass(slots=True)
class _Anchored:
    node: Node
    nodes: int
    chars: int
    height: int


class _Builder:
    """Nodes from events, iteratively, counting as it goes what aliases would expand to."""

    def __init__(self, shown: dict[str, str]) -> None:
        self.findings: list[Finding] = []
        self._shown = str.maketrans(shown) if shown else None
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._unused: dict[str, Scalar] = {}  # anchors on plain text that nothing refers to so far
        self._seen: dict[int, set[str]] = {}  # keys of the open mappings, by depth
        self._nodes = 0
        self._chars = 0
        self._alias_chars = 0

    def build(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                node: Node = self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event, Mapping if kind is yaml.MappingStartEvent else Sequence)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node = self._close()
            elif kind is yaml.AliasEvent:
                node = self._alias(event)
            elif kind is yaml.DocumentStartEvent and root is not None:
                raise _error(event.start_mark, "a second YAML document begins here", "one file holds one document")
            else:
                continue
            if self._stack:
                self._attach(self._stack[-1], node)
            else:
                root = node
        if root is None or (type(root) is Scalar and root.value is None):
            raise SourceError(1, 1, "the file is empty")
        for name, scalar in self._unused.items():
            hint = f"quote the text: '&{name} {scalar.text.splitlines()[0][:40]}'"
            message = f"nothing refers to the anchor &{name}, which YAML takes out of the text"
            self._complain(scalar.place, message, hint)
        return root

    def _open(self, event: Any, make: type[Sequence] | type[Mapping]) -> None:
        mark, stack = event.start_mark, self._stack
        if len(stack) >= MAX_DEPTH:
            raise _error(mark, f"nested more than {MAX_DEPTH} levels deep")
        if event.tag not in (None, "!", _TAG + ("map" if make is Mapping else "seq")):
            raise _error(mark, f"the tag {_tag_name(event.tag)} is not supported here")
        if stack and type(stack[-1].node) is Mapping and stack[-1].key is None:
            raise _error(mark, "a key must be text, not a collection")
        self._count(mark, 1)
        if event.anchor:
            self._anchors.pop(event.anchor, None)
        node = make(mark.line + 1, mark.column + 1)
        stack.append(_Open(node, event.anchor, self._nodes - 1, self._chars))
        self._seen[len(stack)] = set()

    def _close(self) -> Node:
        closed = self._stack.pop()
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, closed.height + 1)
        if closed.anchor:
            nodes, chars = self._nodes - closed.nodes_before, self._chars - closed.chars_before
            self._anchors[closed.anchor] = _Anchored(closed.node, nodes, chars, closed.height)
        return closed.node

    def _attach(self, parent: _Open, node: Node) -> None:
        if type(parent.node) is Sequence:
            parent.node.items.append(node)
        elif parent.key is not None:
            self._pair(parent, parent.key, node)
        elif type(node) is Scalar:
            parent.key = node
        else:
            raise SourceError(node.line, node.column, "a key must be text, not a collection")

    def _pair(self, parent: _Open, key: Scalar, value: Node) -> None:
        parent.key = None
        assert type(parent.node) is Mapping
        seen, folded = self._seen[len(self._stack)], key.text.upper()
        if folded in seen:
            first = next(k for k, _ in parent.node.pairs if k.text.upper() == folded)
            hint = None if first.text == key.text else "keys are compared without regard to case"
            self._complain(key.place, f"the key {key.text!r} is already there, on line {first.line}", hint)
        elif key.text == "<<" and not key.quoted:
            message = "the merge key << is not supported"
            self._complain(key.place, message, "repeat the keys, or alias the whole mapping")
        else:
            seen.add(folded)
            parent.node.pairs.append((key, value))

    def _scalar(self, event: Any) -> Scalar:
        mark, text, style, tag = event.start_mark, event.value, event.style, event.tag
        self._count(mark, 1)
        self._chars += len(text)
        if self._shown:
            text = text.translate(self._shown)
        plain = not style
        value = scalar_value(text) if plain and tag is None else text
        if tag is not None and tag != "!":
            value = _tagged(mark, text, plain, tag)
        node = Scalar(mark.line + 1, mark.column + 1, value, text, mark.index, style in ("'", '"'), style in ("|", ">"))
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(node, 1, len(text), 0)
            if text and plain:
                self._unused[event.anchor] = node
        return node

    def _alias(self, event: Any) -> Node:
        mark, name = event.start_mark, event.anchor
        found = self._anchors.get(name)
        if found is None:
            if any(opened.anchor == name for opened in self._stack):
                raise _error(mark, f"the alias *{name} stands inside of what it refers to")
            raise _error(mark, f"the alias *{name} refers to no anchor above it")
        self._unused.pop(name, None)
        self._count(mark, found.nodes)
        self._chars += found.chars
        self._alias_chars += found.chars
        if self._alias_chars > MAX_ALIAS_CHARS:
            raise _error(mark, f"aliases repeat more than {MAX_ALIAS_CHARS >> 20} MiB of text")
        if len(self._stack) + found.height > MAX_DEPTH:
            raise _error(mark, f"nested more than {MAX_DEPTH} levels deep through the alias *{name}")
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, found.height + 1)
        return found.node

    def _count(self, mark: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _error(mark, f"more than {MAX_NODES:,} values, aliases expanded")

    def _complain(self, place: Place, message: str, hint: str | None) -> None:
        self.findings.append(Finding(Severity.ERROR, place, message, hint))


def _tagged(mark: Any, text: str, plain: bool, tag: str) -> Value:
    """Return the value of a scalar with a tag of the core schema; a quoted one stays text, whatever its tag."""
    name, value = tag.removeprefix(_TAG), scalar_value(text)
    number_like = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = {
        "str": True,
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": number_like and not isinstance(value, float),
        "float": number_like,
    }
    if name not in fits or name == tag:
        raise _error(mark, f"the tag {_tag_name(tag)} is not supported here")
    if not fits[name]:
        raise _error(mark, f"{text!r} is not a value of the type !!{name}")
    return value if plain and name != "str" else text


def _tag_name(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag


def _error(mark: Any, message: str, hint: str | None = None) -> SourceError:
    return SourceError(mark.line + 1, mark.column + 1, message, hint)
