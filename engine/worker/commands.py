"""Workflow commands in a step's output: `::name key=value::data` and `##[name key=value]data`, as GitHub reads them.

A command stands at the start of its line, after white space at most. What a command does to the world (masking,
setting outputs) is left to whoever owns the stream; here it is only noted down and turned into what the log shows.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Escapes: TypeAlias = tuple[tuple[str, str], ...]

LEVELS = ("error", "warning", "notice")
KEPT_ANNOTATIONS = 50

_DATA: Escapes = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY: Escapes = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_BRACKETED: Escapes = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))
_UNSECURE = (
    "The {} command is disabled, for it lets any printed text change later steps. Write to the file {} names,"
    " or set ACTIONS_ALLOW_UNSECURE_COMMANDS to true."
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `name` and the keys of `properties` are in lower case."""

    name: str
    properties: Mapping[str, str]
    data: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on the run. `level` is error, warning or notice; a place that the step gave no number for is None."""

    level: str
    message: str
    title: str = ""
    file: str = ""
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None


def parse(line: str, token: str = "") -> Command | None:
    """Return the command that `line` (without its newline) is, or None for plain text.

    Besides the known names, in any case, the resume `token` of a stop-commands counts as one.
    """
    text = line.lstrip()
    if text.startswith("::"):
        head, mark, data = text[2:].partition("::")
        separator, escapes, rest = ",", _PROPERTY, _DATA
    elif text.startswith("##["):
        head, mark, data = text[3:].partition("]")
        separator, escapes, rest = ";", _BRACKETED, _BRACKETED
    else:
        return None
    name, _, properties = head.partition(" ")
    name = name.lower()
    if not mark or not name or (name not in NAMES and name != token.lower()):
        return None
    if separator == ",":
        properties = properties.strip()
    return Command(name, _properties(properties, separator, escapes), _unescaped(data, rest))


@dataclass
class CommandStream:
    """The commands of one step, line by line, and what came of them.

    `hide` masks what leaves through annotations. `outputs`, `state`, `env` and `paths` (in the order given) are as
    the step said them; `masks` are the values to hide from the next line on. `failure` is why the step has to fail,
    or empty. Of each level the first 50 annotations are kept, `dropped_annotations` counts the others. `changed` tells
    whether the last line did more than show something: these lines, said again, bring another stream to this state.
    """

    hide: Callable[[str], str] = str
    debug: bool = False
    allow_unsecure: bool = False
    annotations: list[Annotation] = field(default_factory=list)
    dropped_annotations: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    failure: str = ""
    changed: bool = False
    _token: str = ""
    _echo: bool = False
    _warned: set[str] = field(default_factory=set)
    _said: Counter[str] = field(default_factory=Counter)

    def line(self, text: str) -> list[str] | None:
        """Act on one line. Return the lines to show in its place, None when it is plain text and stays as it is."""
        command = parse(text, self._token)
        if command is None or (self._token and command.name != self._token.lower()):
            return None
        self.changed = command.name not in ("group", "endgroup", "debug")
        if self._token:
            self._token = ""
            return [text]
        shown = [text] if self._echo and command.name not in _NEVER_ECHOED else []
        return shown + _ACTIONS[command.name](self, command)

    def _say(self, level: str, command: Command | None, message: str) -> list[str]:
        """Keep an annotation and return its line in the log."""
        place = command.properties if command else {}
        self._said[level] += 1
        if self._said[level] <= KEPT_ANNOTATIONS:
            self.annotations.append(
                Annotation(
                    level,
                    self._clean(message),
                    self._clean(place.get("title", "")),
                    self._clean(place.get("file", "")),
                    _number(place.get("line")),
                    _number(place.get("endline")),
                    _number(place.get("col")),
                    _number(place.get("endcolumn")),
                )
            )
        else:
            self.dropped_annotations += 1
            self.changed = command is None
        return _lines(f"##[{level}]{message}")

    def _clean(self, text: str) -> str:
        return _storable(self.hide(text))

    def _warn_once(self, about: str, message: str) -> list[str]:
        if about in self._warned:
            return []
        self._warned.add(about)
        return self._say("warning", None, message)

    def _fail(self, message: str) -> list[str]:
        self.failure = self.failure or self._clean(message)
        return self._say("error", None, message)

    def _issue(self, command: Command) -> list[str]:
        return self._say(command.name, command, command.data)

    def _group(self, command: Command) -> list[str]:
        return ["##[group]" + " ".join(_lines(command.data))]

    def _end_group(self, command: Command) -> list[str]:
        return ["##[endgroup]"]

    def _debug(self, command: Command) -> list[str]:
        return [f"##[debug]{line}" for line in _lines(command.data)] if self.debug else []

    def _add_mask(self, command: Command) -> list[str]:
        if not command.data.strip():
            return self._say("warning", None, "add-mask was given an empty value, which cannot be hidden.")
        self.masks.append(command.data)
        return ["::add-mask::***"] if self._echo else []

    def _stop(self, command: Command) -> list[str]:
        token = command.data
        if not token or token.lower() in NAMES or token.lower() == "pause-logging":
            return self._fail("stop-commands needs a token that is not the name of a command; use a random one.")
        self._token = token
        return [f"::stop-commands::{token}"]

    def _set_echo(self, command: Command) -> list[str]:
        word = command.data.strip().lower()
        if word not in ("on", "off"):
            return self._fail(f"The echo command takes on or off, not {command.data!r}.")
        self._echo = word == "on"
        return []

    def _set_output(self, command: Command) -> list[str]:
        return self._set_value(command, self.outputs, "GITHUB_OUTPUT")

    def _save_state(self, command: Command) -> list[str]:
        return self._set_value(command, self.state, "GITHUB_STATE")

    def _set_value(self, command: Command, values: dict[str, str], file: str) -> list[str]:
        name = command.properties.get("name", "")
        if not name:
            return self._fail(f"The {command.name} command lacks its name property.")
        values[_storable(name)] = _storable(command.data)
        message = f"The {command.name} command is deprecated: write to the file that {file} names instead."
        return self._warn_once(command.name, message)

    def _set_env(self, command: Command) -> list[str]:
        if not self.allow_unsecure:
            return self._fail(_UNSECURE.format("set-env", "GITHUB_ENV"))
        name = command.properties.get("name", "")
        if not name:
            return self._fail("The set-env command lacks its name property.")
        if name.upper() == "NODE_OPTIONS":
            return self._say("error", None, f"set-env cannot set {name}: Node would run its value in later steps.")
        self.env[_storable(name)] = _storable(command.data)
        return []

    def _add_path(self, command: Command) -> list[str]:
        if not self.allow_unsecure:
            return self._fail(_UNSECURE.format("add-path", "GITHUB_PATH"))
        if not command.data:
            return self._fail("The add-path command lacks a path.")
        self.paths.append(_storable(command.data))
        return []

    def _matcher(self, command: Command) -> list[str]:
        message = "Problem matchers are not supported: the output of this step makes no annotations through them."
        return self._warn_once("matchers", message)


_NEVER_ECHOED = frozenset({"add-mask", "debug", "stop-commands", *LEVELS})
_ACTIONS: Mapping[str, Callable[[CommandStream, Command], list[str]]] = {
    "add-mask": CommandStream._add_mask,
    "add-matcher": CommandStream._matcher,
    "add-path": CommandStream._add_path,
    "debug": CommandStream._debug,
    "echo": CommandStream._set_echo,
    "endgroup": CommandStream._end_group,
    "error": CommandStream._issue,
    "group": CommandStream._group,
    "notice": CommandStream._issue,
    "remove-matcher": CommandStream._matcher,
    "save-state": CommandStream._save_state,
    "set-env": CommandStream._set_env,
    "set-output": CommandStream._set_output,
    "stop-commands": CommandStream._stop,
    "warning": CommandStream._issue,
}
NAMES = frozenset(_ACTIONS)


def _properties(text: str, separator: str, escapes: Escapes) -> dict[str, str]:
    """Read `key=value` pairs; a pair without key or value is passed over, as the official runner does."""
    found: dict[str, str] = {}
    for pair in text.split(separator):
        key, _, value = pair.lstrip("=").partition("=")
        value = value.lstrip("=")
        if key and value:
            found[key.lower()] = _unescaped(value, escapes)
    return found


def _unescaped(text: str, escapes: Escapes) -> str:
    if "%" in text:
        for code, character in escapes:
            text = text.replace(code, character)
    return text


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _storable(text: str) -> str:
    """Bytes that were no UTF-8 become replacement characters, for what leaves the log for the store."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
