"""How a step is called, and the plain texts and numbers that are read off it."""

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.errors import ExpressionError
from pipelines.model import Step
from pipelines.template import Template
from pipelines.values import to_number


def as_written(template: Template) -> str:
    return template.text


def title_of(step: Step, text: Callable[[Template], str] = as_written) -> str:
    """Return a step's name in one line; `text` makes text of its `name:` or `run:`."""
    if step.name is not None and (named := " ".join(text(step.name).split())):
        return named
    return f"Run {step.uses or first_line(text(step.run) if step.run else '')}".rstrip()


def seconds_of(minutes: Any) -> float | None:
    """Return the value of a `timeout-minutes:` in seconds, None (as on GitHub) for 0 and below, which set no limit.

    Raises ExpressionError for what is no number.
    """
    number = to_number(minutes)
    if number != number:
        raise ExpressionError("evaluation", f"{minutes!r} is not a number of minutes")
    return number * 60 if number > 0 else None


def action_name(step: Step) -> str:
    """Return what GITHUB_ACTION says of a step, as GitHub does but for the numbers behind names used twice."""
    if step.key or step.uses is None:
        return step.key or "__run"
    name = step.uses.partition("@")[0]
    return "__self" if name.startswith(".") else f"__{name.replace('/', '_')}"


def first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else ""


def surroundings(shell: str, env: Mapping[str, str]) -> list[str]:
    """Return what the log says of the shell and the environment that a script runs with."""
    lines = [f"shell: {shell}"] if shell else []
    return [*lines, "env:", *(f"  {name}: {value}" for name, value in env.items())] if env else lines


def join(workspace: str, directory: str) -> str:
    """Return a `working-directory:` as a path in the box."""
    if not directory:
        return workspace
    return directory if directory.startswith("/") else f"{workspace}/{directory}"
