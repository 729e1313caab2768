"""Reads what a step wrote into GITHUB_OUTPUT, GITHUB_STATE, GITHUB_ENV, GITHUB_PATH and GITHUB_STEP_SUMMARY.

The rules are those of GitHub's runner on Linux: lines end with LF alone (a CR stays part of the value), nothing is
trimmed, unquoted or expanded, the last of several values for a name wins. Never acts on what it read.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from pipelines.records import dataclass

SUMMARY_LIMIT_BYTES = 1024 * 1024
BLOCKED_ENV = frozenset({"NODE_OPTIONS"})


class FileCommandError(Exception):
    """A file that cannot be read as meant; the step fails for it."""

    def __init__(self, sentence: str, *written: str) -> None:
        """`written` are the step's own words, for each `{}` of the sentence."""
        super().__init__(sentence, *written)
        self._sentence = sentence
        self._written = written

    def message(self, hide: Callable[[str], str] = str) -> str:
        """Return what is said of it. Secrets are hidden before words are cut short: half of one could not be."""
        return self._sentence.format(*(_quoted(hide(text)) for text in self._written))

    def __str__(self) -> str:
        return self.message()


@dataclass(frozen=True, slots=True)
class EnvChange:
    """What GITHUB_ENV changes for the steps that follow. `errors` are annotations; the step does not fail for them."""

    values: Mapping[str, str]
    errors: tuple[str, ...] = ()


def parse_values(content: bytes) -> dict[str, str]:
    """Return the values by name, in the order first set. Raises FileCommandError.

    `NAME=value`, or `NAME<<DELIMITER`, lines, and a line that is DELIMITER alone. Empty lines between are skipped.
    """
    values: dict[str, str] = {}
    lines = iter(_text(content).split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, value = line[:equals], line[equals + 1 :]
        elif heredoc >= 0:
            name, delimiter = line[:heredoc], line[heredoc + 2 :]
            if not delimiter:
                raise FileCommandError("Invalid format {}: after << a delimiter must follow.", line)
            value = _until(lines, name, delimiter)
        else:
            raise FileCommandError("Invalid format {}: neither NAME=value nor NAME<<DELIMITER.", line)
        if not name:
            raise FileCommandError("Invalid format {}: the name must not be empty.", line)
        values[name] = value
    return values


def parse_env(content: bytes, own: Collection[str] = ()) -> EnvChange:
    """Return what GITHUB_ENV asks for. Raises FileCommandError.

    `own` are the variables that the runner itself sets (GITHUB_*, RUNNER_*): these, like NODE_OPTIONS (it could make
    every later Node action run the step's code), keep their value, and `errors` says so.
    """
    values, errors = {}, []
    for name, value in parse_values(content).items():
        if "\0" in name or "\0" in value:
            raise FileCommandError("The environment variable {} holds a NUL character.", name)
        if name.upper() in BLOCKED_ENV:
            errors.append(f"GITHUB_ENV cannot set {name}: Node would run its value in later steps.")
        elif name in own:
            errors.append(f"GITHUB_ENV cannot change {name}: it is set by the runner.")
        else:
            values[name] = value
    return EnvChange(values, tuple(errors))


def parse_path(content: bytes) -> list[str]:
    """Return the folders to put in front of PATH, the first one first: a later line goes before the earlier ones."""
    text = _text(content).replace("\r\n", "\n").replace("\r", "\n")
    return list(dict.fromkeys(line for line in reversed(text.split("\n")) if line))


def read_summary(content: bytes) -> str | None:
    """Return the step's summary (Markdown), None for an empty one. Raises FileCommandError above 1 MiB."""
    if len(content) > SUMMARY_LIMIT_BYTES:
        kib = len(content) // 1024
        raise FileCommandError(
            f"GITHUB_STEP_SUMMARY may hold {SUMMARY_LIMIT_BYTES // 1024} KiB, this one has {kib} KiB."
        )
    return _text(content) or None


def _until(lines: Iterator[str], name: str, delimiter: str) -> str:
    """Take lines up to the delimiter."""
    value: list[str] = []
    for line in lines:
        if line == delimiter:
            return "\n".join(value)
        value.append(line)
    raise FileCommandError("The value of {} has no end: no line is {} alone.", name, delimiter)


def _text(content: bytes) -> str:
    """Decode as .NET does: a byte-order mark decides, else UTF-8 with replacement characters."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def _quoted(text: str) -> str:
    """Show a beginning of `text` on one line."""
    return repr(text if len(text) <= 80 else text[:79] + "…")
