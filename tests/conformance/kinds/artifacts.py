"""Conformance: which artifact names are accepted."""

from collections.abc import Mapping
from typing import Any

from pipelines.artifact_names import artifact_name_error


def artifact_name(case: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"accept": bool}` for a case's `name`."""
    return {"accept": artifact_name_error(case["name"]) is None}
