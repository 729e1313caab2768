"""Workflow commands in a step's output: `::name key=value::data` and `##[name key=value]data`, as GitHub reads them.

A command stands at the start of its line, after white space at most. What a command does to the world (masking,
setting outputs) is left to whoever owns the stream; here it is only noted down and turned into what the log shows.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, field, replace
from typing import Any, TypeAlias

from engine.worker.log.problem_matchers import MatcherError, Problem, ProblemMatchers, parse_matchers, strip_colours
from pipelines.records import dataclass

Escapes: TypeAlias = tuple[tuple[str, str], ...]

LEVELS = ("error", "warning", "notice")
KEPT_ANNOTATIONS = 50
LONGEST_MESSAGE = 64 * 1024  # of an annotation, as on GitHub; the log has all of it
COMMANDS_LIMIT = 16 << 20  # of a script's commands together: what they set is kept in memory

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
    """A remark on the run. `level` is error, warning or notice; a place that the step gave no number for is None.

    `log_start` is the byte of the log at which its line begins, where that is known; `code` is a problem matcher's.
    """

    level: str
    message: str
    title: str = ""
    file: str = ""
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None
    code: str = ""
    log_start: int | None = None


def no_file(_: str) -> bytes:
    """There is no box yet, and no file in it."""
    raise MatcherError("there is no workspace yet")


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
    or empty. Of each level the first 50 annotations are kept, `dropped_annotations` counts the others.

    `matchers` are those of the whole attempt, shared by its streams; `read` returns a file of the job by its path, or
    raises MatcherError. `changed` tells whether the last line did more than show something: its `entry`, replayed,
    brings another stream to this state. `taken` is how much they were together, of COMMANDS_LIMIT.
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
    matchers: ProblemMatchers = field(default_factory=lambda: ProblemMatchers(float))
    read: Callable[[str], bytes] = no_file
    _before: tuple[int, str, str] = (0, "", "")
    _token: str = ""
    _echo: bool = False
    _warned: set[str] = field(default_factory=set)
    _said: Counter[str] = field(default_factory=Counter)
    taken: int = 0

    def __post_init__(self) -> None:
        self._echo = self.debug  # until the step says otherwise

    def line(self, text: str, whole: bool = True, clean: bool = False) -> list[str] | None:
        """Act on one line. Return the lines to show in its place, None when it is plain text and stays as it is.

        One that is not `whole` (too long, or in the midst of a secret) is no problem matcher's; in a `clean` one there
        is no secret.
        """
        self.changed = False
        self._before = (len(self.annotations), self.failure, "")
        command = parse(text, self._token)
        if command is None or (self._token and command.name != self._token.lower()):
            return self._match(text, text if clean else self.hide(text)) if whole and self.matchers.active else None
        self.changed = command.name not in ("group", "endgroup", "debug")
        if self._token:
            self._token = ""
            return [text]
        if self.changed and self.taken >= COMMANDS_LIMIT:
            self.changed = False
            return []  # not even as it is: it may hold what was to be hidden
        shown = [text] if self._echo and command.name not in _NEVER_ECHOED else []
        shown += _ACTIONS[command.name](self, command)
        if self.changed and not self._before[2]:
            self.taken += len(text)
            if self.taken >= COMMANDS_LIMIT:
                said = self._fail(f"The step's commands are more than {COMMANDS_LIMIT >> 20} MiB: no other is heeded.")
                self.changed, shown = True, shown + said
        return shown

    def place(self, log_start: int) -> None:
        """Note where in the log the last line's part begins."""
        for at in range(self._before[0], len(self.annotations)):
            self.annotations[at] = replace(self.annotations[at], log_start=log_start)

    def entry(self, text: str) -> dict[str, Any]:
        """Return the last line as plain JSON, such that its replay needs no file and no expression."""
        notes, failure, told = self._before
        if not told:
            at = self.annotations[notes].log_start if len(self.annotations) > notes else None
            return {"line": text, "at": at}
        return {
            "notes": [asdict(note) for note in self.annotations[notes:]],
            "failure": "" if failure else self.failure,
            "state": self.matchers.state() if told == "matchers" else {"seen": self.matchers.seen()},
        }

    def replay(self, entry: Mapping[str, Any]) -> None:
        """Take up an `entry` of a stream of another process, or what its matchers had seen."""
        if "line" in entry:
            self.line(entry["line"], whole=False)
            if entry["at"] is not None:
                self.place(entry["at"])
            return
        for note in entry.get("notes", ()):
            self._said[note["level"]] += 1
            self.annotations.append(Annotation(**note))
        self.failure = self.failure or entry.get("failure", "")
        self.matchers.restore(entry["state"])

    def _match(self, text: str, line: str) -> list[str] | None:
        """Show a plain line, secrets hidden, to the problem matchers: it stays as it is, unless one knows it."""
        problem, complaints = self.matchers.match(line)
        if problem is None and not complaints:
            return None
        self._before = (*self._before[:2], "matchers" if complaints else "seen")
        self.changed = True
        shown = [said for complaint in complaints for said in self._say("warning", None, complaint)]
        if problem is None:
            return [*shown, text]
        self.changed = self._keep(_remark(problem)) or bool(complaints)
        return [*shown, f"##[{problem.level}]{strip_colours(line)}"]

    def _say(self, level: str, command: Command | None, message: str) -> list[str]:
        """Keep an annotation and return its line in the log."""
        kept = self._keep(self._note(level, command.properties if command else {}, message))
        self.changed = self.changed and (kept or command is None)
        return _lines(f"##[{level}]{message}")

    def _keep(self, note: Annotation) -> bool:
        """Keep an annotation, unless there are too many of its level."""
        self._said[note.level] += 1
        if self._said[note.level] > KEPT_ANNOTATIONS:
            self.dropped_annotations += 1
            return False
        self.annotations.append(note)
        return True

    def _note(self, level: str, place: Mapping[str, str], message: str) -> Annotation:
        file = place.get("file", "")
        if self.matchers.workspace and file.startswith(f"{self.matchers.workspace}/"):
            file = self.matchers.relative(file) or file
        numbers = [_number(place.get(name)) for name in ("line", "endline", "col", "endcolumn")]
        title = place.get("title", "")
        return Annotation(level, self._clean(message), self._clean(title), self._clean(file), *_span(*numbers))

    def _clean(self, text: str) -> str:
        hidden = _storable(self.hide(text))
        return hidden if len(hidden) <= LONGEST_MESSAGE else f"{hidden[: LONGEST_MESSAGE - 1]}…"

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

    def _add_matcher(self, command: Command) -> list[str]:
        if not command.data:
            return self._say("warning", None, "add-matcher was given no file.")
        self._before = (*self._before[:2], "matchers")
        try:
            matchers = parse_matchers(self.read(command.data))
            self.matchers.add(matchers)
        except MatcherError as error:
            return self._fail(f"The problem matchers of {command.data} cannot be used: {error}.")
        if not matchers:
            return self._say("warning", None, f"There are no problem matchers in {command.data}.")
        names = ", ".join(matcher.owner for matcher in matchers)
        return [f"Added problem matchers: {names}. They look for known errors and warnings in the output."]

    def _remove_matcher(self, command: Command) -> list[str]:
        owner = command.properties.get("owner", "")
        if bool(owner) == bool(command.data):
            return self._say("warning", None, "remove-matcher takes either an owner or a file.")
        self._before = (*self._before[:2], "matchers")
        try:
            owners = [owner] if owner else [matcher.owner for matcher in parse_matchers(self.read(command.data))]
        except MatcherError as error:
            return self._fail(f"The problem matchers of {command.data} cannot be removed: {error}.")
        gone = self.matchers.remove(owners)
        return [f"Removed problem matchers: {', '.join(gone)}."] if gone else []


_NEVER_ECHOED = frozenset({"add-mask", "debug", "stop-commands", *LEVELS})
_ACTIONS: Mapping[str, Callable[[CommandStream, Command], list[str]]] = {
    "add-mask": CommandStream._add_mask,
    "add-matcher": CommandStream._add_matcher,
    "add-path": CommandStream._add_path,
    "debug": CommandStream._debug,
    "echo": CommandStream._set_echo,
    "endgroup": CommandStream._end_group,
    "error": CommandStream._issue,
    "group": CommandStream._group,
    "notice": CommandStream._issue,
    "remove-matcher": CommandStream._remove_matcher,
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


def _span(
    line: int | None, end_line: int | None, column: int | None, end_column: int | None
) -> tuple[int | None, int | None, int | None, int | None]:
    """Return a place without what contradicts itself, by the rules of the official runner."""
    line = end_line if line is None else line
    column = end_column if column is None else column
    if line is None or (end_line is not None and end_line != line):
        column = end_column = None
    if line is not None and end_line is not None and end_line < line:
        line = end_line = None
    if column is not None and end_column is not None and end_column < column:
        column = end_column = None
    return line, end_line, column, end_column


def _remark(problem: Problem) -> Annotation:
    return Annotation(
        problem.level, _storable(problem.message), file=_storable(problem.file), line=problem.line,
        column=problem.column, code=_storable(problem.code),
    )  # fmt: skip


def _storable(text: str) -> str:
    """Bytes that were no UTF-8 become replacement characters, for what leaves the log for the store."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
