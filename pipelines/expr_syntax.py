"""From the text of an expression to its tree: lexer and parser. Evaluates nothing, knows no contexts' contents.

Names are checked here, so that a misspelt context is found when the workflow is read. The tree holds every name in
its canonical spelling.
"""

import difflib
import math
import re
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from typing import NoReturn

from pipelines.contexts import CONTEXTS, SPECIAL_FUNCTIONS
from pipelines.errors import ExpressionError
from pipelines.expr_nodes import (
    POWERS,
    WORD,
    Call,
    Compare,
    Filter,
    Index,
    Literal,
    Logical,
    Name,
    Node,
    Not,
    children,
)
from pipelines.functions import ARITIES, EVERYWHERE, MAX_ARGUMENTS
from pipelines.json_value import Json
from pipelines.records import dataclass
from pipelines.values import read_number

MAX_LENGTH = 21_000
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression. `kind` is string, number, word, end, or the symbol itself; `position` counts from 1."""

    kind: str
    text: str
    position: int


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']+|'')*+')
    | (?P<symbol>&&|\|\||==|!=|<=|>=|[!<>()\[\],*])
    | (?P<number>[-+.0-9][^\s()\[\],!<>=&|]*)
    | (?P<word>[^\s()\[\],!<>=&|.'][^\s()\[\],!<>=&|.]*)
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_REST = re.compile(r"\s*(\S+)")
_CONSTANTS: dict[str, Json] = {"true": True, "false": False, "null": None}
_NUMBER_WORDS = frozenset({"NaN", "Infinity"})
_VALUE_ENDS = frozenset({"word", ")", "]", "*"})
_HINTS = {
    '"': "texts stand in single quotes",
    "'": "the text is never closed",
    "=": "equality is ==",
    "&": "and is &&",
    "|": "or is ||",
} | dict.fromkeys("+-/%", "expressions have no arithmetic")


def parse(text: str, names: Collection[str] | None = None, functions: Collection[str] | None = None) -> Node:
    """Return the tree of the expression `text`, the part between `${{` and `}}`.

    `names` are the contexts it may use and `functions` the special functions beside the built-in ones; None allows
    all that GitHub knows. Raises ExpressionError (lexing, parsing) with the position of the fault; more than
    MAX_LENGTH characters or MAX_DEPTH levels are such a fault.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError("lexing", f"The expression is longer than {MAX_LENGTH:,} characters", MAX_LENGTH + 1)
    contexts = _spellings(CONTEXTS if names is None else frozenset(names))
    callables = _spellings(EVERYWHERE | (SPECIAL_FUNCTIONS if functions is None else frozenset(functions)))
    return _Parser(list(_tokens(text)), contexts, callables).parse()


def _tokens(text: str) -> Iterator[Token]:
    position, previous = 0, ""
    while previous != "end":
        match = _TOKEN.match(text, position)
        if match is None:
            rest = _REST.match(text, position)
            assert rest is not None, "only blanks are left, and those end the expression"
            _no_token(rest[1], rest.start(1) + 1)
        kind = match.lastgroup or "end"
        start, position = match.span(kind)
        if kind == "number" and text[start] == "." and previous in _VALUE_ENDS:
            kind, position = "symbol", start + 1
        token = text[start:position]
        if kind == "symbol":
            kind = token
        elif (kind == "word" and not WORD.fullmatch(token)) or (kind == "number" and math.isnan(read_number(token))):
            _no_token(token, start + 1)
        yield Token(kind, token, start + 1)
        previous = kind


def _no_token(text: str, position: int) -> NoReturn:
    hint = _HINTS.get(text[0]) if not text[1:2].isdigit() else None
    _fail("lexing", f"Unexpected {_quoted(text)}" + (f": {hint}" if hint else ""), position)


class _Parser:
    """Precedence climbing over a list of tokens that ends with an `end`."""

    def __init__(self, tokens: list[Token], contexts: dict[str, str], functions: dict[str, str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 1
        self.contexts = contexts
        self.functions = functions

    def parse(self) -> Node:
        node = self._operation(1)
        if self._token.kind != "end":
            self._unexpected()
        if len(self.tokens) > MAX_DEPTH and _is_deep(node):
            _fail("parsing", f"The expression is more than {MAX_DEPTH} levels deep", 1)
        return node

    @property
    def _token(self) -> Token:
        return self.tokens[self.at]

    def _take(self, kind: str) -> bool:
        if self.tokens[self.at].kind != kind:
            return False
        self.at += 1
        return True

    def _need(self, kind: str) -> None:
        if not self._take(kind):
            self._unexpected()

    def _unexpected(self) -> NoReturn:
        token = self._token
        if token.kind == "end":
            _fail(
                "parsing", "The expression ends too early" if self.at else "An expression was expected", token.position
            )
        _fail("parsing", f"Unexpected {_quoted(token.text)}", token.position)

    def _operation(self, power: int) -> Node:
        """Parse an operand and all operators that bind at least as tightly as `power`."""
        left = self._operand()
        while (strength := POWERS.get(operator := self._token.kind, 0)) >= power:
            if operator in ("&&", "||"):
                operands = [left]
                while self._take(operator):
                    operands.append(self._operation(strength + 1))
                left = Logical(operator, tuple(operands))
            else:
                self.at += 1
                left = Compare(operator, left, self._operation(strength + 1))
        return left

    def _operand(self) -> Node:
        if self._take("!"):
            return Not(self._deeper(self._operand))
        token = self._token
        if token.kind == "string":
            self.at += 1
            return Literal(token.text[1:-1].replace("''", "'"))
        if token.kind == "number" or (token.kind == "word" and token.text in _NUMBER_WORDS):
            self.at += 1
            return Literal(read_number(token.text))
        if token.kind == "word" and token.text in _CONSTANTS:
            self.at += 1
            return Literal(_CONSTANTS[token.text])
        return self._path(self._root())

    def _root(self) -> Node:
        token = self._token
        if self._take("("):
            node = self._deeper(self._group)
            self._need(")")
            return node
        if not self._take("word"):
            self._unexpected()
        if self._take("("):
            return self._call(token)
        name = self.contexts.get(token.text.lower())
        if name is None:
            _unknown("context", token, self.contexts, CONTEXTS)
        return Name(name)

    def _path(self, node: Node) -> Node:
        """Parse the `.key`, `[key]`, `.*` and `[*]` that follow `node`."""
        while True:
            if self._take("."):
                key = self._token
                if self._take("*"):
                    node = Filter(node)
                elif self._take("word"):
                    node = Index(node, Literal(key.text))
                else:
                    self._unexpected()
            elif self._take("["):
                node = Filter(node) if self._take("*") else Index(node, self._deeper(self._group))
                self._need("]")
            else:
                return node

    def _group(self) -> Node:
        return self._operation(1)

    def _call(self, name: Token) -> Node:
        function = self.functions.get(name.text.lower())
        if function is None:
            _unknown("function", name, self.functions, ARITIES)
        arguments: list[Node] = []
        if not self._take(")"):
            arguments.append(self._deeper(self._group))
            while self._take(","):
                arguments.append(self._deeper(self._group))
            self._need(")")
        least, most = ARITIES.get(function, (0, MAX_ARGUMENTS))
        if not least <= len(arguments) <= most or (function == "case" and len(arguments) % 2 == 0):
            _fail("parsing", f"{function} takes {_count(function)}, not {len(arguments)}", name.position)
        return Call(function, tuple(arguments), name.position)

    def _deeper(self, rule: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _fail("parsing", f"The expression is more than {MAX_DEPTH} levels deep", self._token.position)
        node = rule()
        self.depth -= 1
        return node


def _is_deep(node: Node) -> bool:
    level = [node]
    for _ in range(MAX_DEPTH):
        level = [child for part in level for child in children(part)]
    return bool(level)


@lru_cache(maxsize=128)
def _spellings(names: frozenset[str]) -> dict[str, str]:
    return {name.lower(): name for name in names}


def _count(function: str) -> str:
    least, most = ARITIES[function]
    if function == "case":
        return "an odd number of arguments, at least 3"
    if most == least:
        return f"{most or 'no'} argument{'' if most == 1 else 's'}"
    return (
        f"{least} to {most} arguments"
        if most < MAX_ARGUMENTS
        else f"at least {least} argument{'' if least == 1 else 's'}"
    )


def _unknown(what: str, token: Token, known: dict[str, str], everywhere: Collection[str]) -> NoReturn:
    name = token.text.lower()
    if name in _spellings(frozenset(everywhere)):
        message = f"The {what} {_quoted(token.text)} cannot be used here"
    else:
        message = f"Unknown {what} {_quoted(token.text)}"
        candidates = known if what == "function" else known | {word: word for word in _CONSTANTS}
        if near := difflib.get_close_matches(name, candidates, n=1):
            _fail("parsing", f"{message}; did you mean {candidates[near[0]]!r}?", token.position)
    if what == "context":
        message += f"; known here: {', '.join(sorted(known.values()))}" if known else "; no context is known here"
    _fail("parsing", message, token.position)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _fail(kind: str, message: str, position: int) -> NoReturn:
    raise ExpressionError(kind, message, position)
