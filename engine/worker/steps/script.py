"""A script as it is handed to a box: what it is run with, as text that the driver's shell sources, and read back."""

import re
import shlex
from collections.abc import Mapping

from pipelines.records import dataclass
from pipelines.shells import POWERSHELL

SCRIPT_BYTES = 4 << 20  # the most that is read back
ENDINGS = (".script", f".script{POWERSHELL}")
"""What the names of scripts may end with, behind their number."""

PATH_PREFIX = "TREADLE_PATH_PREFIX"
"""The variable with what stands in front of the PATH that only the box knows. No script sees it."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_EXPORTED = frozenset(
    ("BASHOPTS", "BASH_VERSINFO", "DIRSTACK", "EUID", "FUNCNAME", "GROUPS", "IFS", "OPTIND", "PPID", "SHELLOPTS")
) | {"UID", "_", "_treadle_launch"}


@dataclass(frozen=True, slots=True)
class StepScript:
    """One step, ready to run. `index` is unique within the attempt, gaps are fine; `{0}` in `argv` becomes the
    inside path of the file that holds `script`, whose name ends with `extension` (see ShellCommand). `env` is added to
    what the box has; `cwd` is an inside path."""

    index: int
    argv: tuple[str, ...]
    script: str
    env: Mapping[str, str]
    cwd: str
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a script runs in: the variables added to those of its box, and its working directory."""

    env: Mapping[str, str]
    cwd: str


def wrapper(step: StepScript, script: str) -> str:
    """Return what the driver sources in a subshell for `step`: exports, cd, exec. Everything is quoted."""
    lines, words = [], []
    for name, value in step.env.items():
        if "\0" in value:
            return f"echo {shlex.quote(f'treadle: the variable {name} holds a NUL byte')}; exit 1\n"
        if _NAME.fullmatch(name) and name not in _NOT_EXPORTED:
            lines.append(f"export {name}={shlex.quote(value)}")
        else:  # names like INPUT_DRY-RUN, which no shell can export, and those a shell keeps for itself
            words.append(shlex.quote(f"{name}={value}"))
    missing = shlex.quote(f"treadle: there is no working directory {step.cwd}")
    lines.append(f"cd {shlex.quote(step.cwd)} 2>/dev/null || {{ echo {missing}; exit 1; }}")
    if PATH_PREFIX in step.env:  # here, for a shell in between would drop the names that it cannot export
        lines.append(f'PATH="${PATH_PREFIX}:${{PATH-}}"; export PATH; unset {PATH_PREFIX}')
    words += (shlex.quote(word.replace("{0}", script)) for word in step.argv)
    lines.append(f"exec $_treadle_launch {' '.join(words)}")
    return "\n".join(lines) + "\n"


def surroundings_in(text: str) -> Surroundings | None:
    """Return what a script runs in whose wrapper is `text`; None for what is no wrapper, or was cut off."""
    try:
        words = shlex.split(text)
        env: dict[str, str] = {}
        at = 0
        while words[at] == "export":
            name, _, env[name] = words[at + 1].partition("=")
            at += 2
        last = len(words) - 1 - words[::-1].index("$_treadle_launch")
        for word in words[last + 1 :]:  # what no shell can export stands before the command
            name, equals, value = word.partition("=")
            if not equals:
                break
            env[name] = value
        return Surroundings(env, words[at + 1]) if words[at] == "cd" else None
    except (ValueError, IndexError):
        return None
