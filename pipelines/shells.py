"""What `shell:` means: the command line, how the script's file has to be called, and the text around it. Pure."""

import shlex

from pipelines.records import dataclass

# Whether an image has bash is known only inside the box. Both look-ups are builtins of sh and `exec` leaves no process
# behind, so the choice costs well under a millisecond.
_BASH_OR_SH = 'command -v bash >/dev/null 2>&1 && exec bash -e "$1"; exec sh -e "$1"'

POWERSHELL = ".ps1"
_PWSH_PROLOGUE = "$ErrorActionPreference = 'stop'\n"
_PWSH_EPILOGUE = "\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }\n"

_KNOWN: dict[str, tuple[str, ...]] = {
    "bash": ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "{0}"),
    "sh": ("sh", "-e", "{0}"),
    "python": ("python", "{0}"),
    "pwsh": ("pwsh", "-command", ". '{0}'"),
}
_WINDOWS = frozenset({"cmd", "powershell"})


class ShellError(ValueError):
    """A `shell:` that cannot be used; the message is a sentence for the author of the workflow."""


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """How to run a script. Each `{0}` in `argv` stands for its path; the script is `prologue + run + epilogue`.

    `extension` is what the name of its file has to end with: PowerShell runs no other.
    """

    argv: tuple[str, ...]
    extension: str = ""
    prologue: str = ""
    epilogue: str = ""


def command_for(shell: str | None) -> ShellCommand:
    """Return how GitHub runs a `run:` step with this `shell:`. Raises ShellError.

    Without a shell: `bash -e`, or `sh -e` where there is no bash, which the box decides when the step starts. A named
    bash also gets `-o pipefail`. Anything else is a command line with `{0}` for the script's path.
    """
    if shell is None:
        return ShellCommand(("sh", "-c", _BASH_OR_SH, "sh", "{0}"))
    words = _KNOWN.get(shell) or _custom(shell)
    if words[0] == "pwsh":
        return ShellCommand(words, POWERSHELL, _PWSH_PROLOGUE, _PWSH_EPILOGUE)
    return ShellCommand(words)


def _custom(shell: str) -> tuple[str, ...]:
    """Split a command line of the author's own."""
    if shell in _WINDOWS:
        raise ShellError(f"The shell {shell!r} exists on Windows only; use bash, sh, pwsh or python.")
    if "{0}" not in shell:
        raise ShellError(f"The shell {shell!r} is neither bash, sh, pwsh nor python, and has no {{0}} for the script.")
    try:
        words = tuple(shlex.split(shell))
    except ValueError as error:
        raise ShellError(f"The shell {shell!r} cannot be split into words: {error}.") from None
    if "{0}" in words[0]:
        raise ShellError(f"The shell {shell!r} names no program before {{0}}.")
    return words
