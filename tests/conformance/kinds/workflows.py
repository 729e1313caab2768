"""`scalar`: {yaml} → how `env.X` of a workflow reads. `workflow-yaml`: {text_base64} → accept, errors."""

import base64
from typing import Any

from pipelines.errors import Severity, WorkflowError
from pipelines.parse import parse_workflow


def scalar(case: dict[str, Any]) -> dict[str, Any]:
    try:
        workflow = parse_workflow(case["yaml"], "workflow.yml")
    except WorkflowError as error:
        return {"error": str(error)}
    return {"env_value": workflow.env["X"].string({})}


def workflow_yaml(case: dict[str, Any]) -> dict[str, Any]:
    try:
        parse_workflow(base64.b64decode(case["text_base64"]), "workflow.yml")
    except WorkflowError as error:
        return {
            "accept": False,
            "errors": [
                {"line": found.place.line, "column": found.place.column, "message": found.message}
                for found in error.findings
                if found.severity is Severity.ERROR
            ],
        }
    return {"accept": True, "errors": []}
