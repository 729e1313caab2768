"""The API's own description, made from the table of routes, so that it cannot say anything else than what is there."""

import re
from collections.abc import Sequence
from typing import Any

from app.server.route import API, BADGE, PUBLIC, Field, Param, Route
from app.version import VERSION

IN_PATH = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
KINDS: dict[type, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    dict: {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
}
ERROR = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(IN_PATH.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(route)
    error = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    token = {"type": "http", "scheme": "bearer", "description": "Not needed on the home's socket."}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Treadle", "version": VERSION},
        "paths": paths,
        "components": {"schemas": {"Error": error}, "securitySchemes": {"token": token}},
    }


def _operation(route: Route) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, says in route.answers.items():
        good = {"content": {route.gives: {"schema": {} if "json" in route.gives else {"type": "string"}}}}
        answers[str(status)] = {"description": says, **(good if status < 400 else ERROR)}
    answers["default"] = {"description": "why it was not done", **ERROR}
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.says,
        "parameters": [*map(_path_parameter, IN_PATH.findall(route.path)), *map(_query_parameter, route.query)],
        "responses": answers,
        "security": [] if route.scope == PUBLIC else [{"token": []}, *([{}] if route.scope == BADGE else [])],
    }
    if route.fields is not None:
        operation["requestBody"] = _body(route.fields)
    return operation


def operation_id(route: Route) -> str:
    """Return what programs call a route by: its method and address, which stay when a function is renamed."""
    path = IN_PATH.sub(r"{\1}", route.path).removeprefix(API)
    page = ["page"] if route.gives == "text/html" else []  # of the same things as the API, for people
    return "_".join([route.method.lower(), *page, *re.findall(r"[A-Za-z]+", path)])


def _path_parameter(name: str) -> dict[str, Any]:
    kind = "integer" if name == "id" else "string"
    return {"name": name, "in": "path", "required": True, "schema": {"type": kind}}


def _query_parameter(param: Param) -> dict[str, Any]:
    one: dict[str, Any] = {"type": "integer", "minimum": param.least} if param.kind == "integer" else {"type": "string"}
    if param.kind == "flag":
        one = {"type": "string", "enum": ["0", "1"]}
    elif param.words:
        one["enum"] = list(param.words)
    schema = {"type": "array", "items": one} if param.many else one
    told = {"name": param.name, "in": "query", "description": param.says, "schema": schema}
    return told | {"required": True} if param.needed else told


def _body(fields: Sequence[Field]) -> dict[str, Any]:
    properties = {
        one.name: {**KINDS[one.kind], "description": one.says} | ({"enum": list(one.words)} if one.words else {})
        for one in fields
    }
    needed = [one.name for one in fields if one.needed]
    schema = {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
    return {"required": bool(needed), "content": {"application/json": {"schema": schema}}}
