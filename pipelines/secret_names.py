"""Which secrets a job names, as far as that can be told without running it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pipelines.expr_nodes import paths_used
from pipelines.template import Condition, Template

TOKEN = "GITHUB_TOKEN"


def secrets_named(*values: Any) -> frozenset[str]:
    """Return the names of the secrets that the texts of a job, or of parts of a workflow, look up: in upper case,
    `github.token` as GITHUB_TOKEN."""
    return frozenset(name for value in values for name in _names(value))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, (Template, Condition)):
        paths = value.paths if isinstance(value, Template) else paths_used(value.node)
        yield from (path[1].upper() for path in paths if path[0] == "secrets" and len(path) > 1 and path[1] != "*")
        yield from (TOKEN for path in paths if path[:2] == ("github", "token"))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _names(one)
    elif isinstance(value, Collection) and not isinstance(value, (str, bytes)):
        for one in value:
            yield from _names(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _names(getattr(value, field.name))
