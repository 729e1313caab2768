"""The kinds `expression`, `template` and `condition`."""

import math
from typing import Any

from pipelines.contexts import allowed
from pipelines.errors import ExpressionError
from pipelines.expr_eval import evaluate
from pipelines.expr_syntax import parse
from pipelines.json_value import Json
from pipelines.template import Condition, Template
from pipelines.values import to_string, truthy

Case = dict[str, Any]


def expression(case: Case) -> Case:
    """`expr`, `contexts`, `functions` → `kind`, `value`, `string`, `truthy`, or `error`."""
    contexts = case.get("contexts") or {}
    results = case.get("functions") or {}
    functions = {name: _constant(result) for name, result in results.items()}
    try:
        value = evaluate(parse(case["expr"], contexts, functions), contexts, functions)
    except ExpressionError as error:
        return {"error": error.kind, "message": error.message, "position": error.position}
    return {"kind": _kind(value), "value": _json(value), "string": to_string(value), "truthy": truthy(value)}


def template(case: Case) -> Case:
    """`template`, `contexts` → `string`, or `error`; a step's `env:` value."""
    names, functions = allowed("jobs.<job_id>.steps.env")
    try:
        return {"string": Template.parse(case["template"], names=names, functions=functions).string(case["contexts"])}
    except ExpressionError as error:
        return {"error": error.kind, "message": error.message, "position": error.position}


def condition(case: Case) -> Case:
    """`if`, `level`, `contexts` → `success`, `failure`, `cancelled`, or `error`."""
    names, functions = allowed("jobs.<job_id>.steps.if" if case["level"] == "step" else "jobs.<job_id>.if")
    states = ("success", "failure", "cancelled")
    try:
        parsed = Condition.parse(case["if"], names=names, functions=functions)
        return {
            state: parsed.evaluate(
                case["contexts"], {"always": _constant(True)} | {name: _constant(name == state) for name in states}
            )
            for state in states
        }
    except ExpressionError as error:
        return {"error": error.kind, "message": error.message, "position": error.position}


def _constant(value: Json) -> Any:
    return lambda *_: value


def _kind(value: Json) -> str:
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, (int, float)):
        return "Number"
    if isinstance(value, str):
        return "String"
    return "Array" if isinstance(value, list) else "Object"


def _json(value: Json) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": to_string(value)}
    if isinstance(value, list):
        return [_json(element) for element in value]
    if isinstance(value, dict):
        return {key: _json(element) for key, element in value.items()}
    return value
