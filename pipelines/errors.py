"""What can be wrong with a workflow, said so that a person can mend it. Imports nothing."""

from enum import StrEnum

from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a source text; both numbers start at 1."""

    line: int
    column: int


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint about a workflow file.

    `unsupported` marks a warning about a valid key that this version cannot honour: `validate` shows it,
    and a run that would need it is refused before anything starts.
    """

    severity: Severity
    place: Place
    message: str
    hint: str | None = None
    unsupported: bool = False

    def line_for(self, path: str) -> str:
        """Return `FILE:LINE:COL: error: message (hint)`, the form that editors jump to."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{path}:{self.place.line}:{self.place.column}: {self.severity}: {self.message}{hint}"


class WorkflowError(Exception):
    """A workflow that cannot be run: the user's to mend. Carries every complaint at once, in source order."""

    def __init__(self, path: str, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(finding.line_for(path) for finding in findings))
        self.path = path
        self.findings = findings


class ExpressionError(Exception):
    """An expression that cannot be read or evaluated.

    `kind` is lexing, parsing or evaluation; `position` counts from 1.
    """

    def __init__(self, kind: str, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.position = position
