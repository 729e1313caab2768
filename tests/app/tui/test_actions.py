"""Everything that the terminal UI can do can be done from the command line, over routes that exist."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from app.cli.main import COMMANDS, parser_for
from app.server.route import API
from app.server.routes import ROUTES
from app.tui.actions import ACTIONS, DISPATCH

ROOT = Path(__file__).resolve().parents[3]
VALUES = {
    "run": 12, "job": 34, "event": 5, "repo": "team/site", "workflow": ".github/workflows/ci.yml", "priority": -3,
    "bisect": 7, "step": 0, "name": "x", "inputs": {"env": "prod; rm -rf /", "n": "2"}, "ref": "refs/tags/v1",
}  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_action_has_a_command_that_takes_its_line(action):
    values = VALUES if action is DISPATCH else {k: v for k, v in VALUES.items() if k not in ("inputs", "ref")}
    program, name, *rest = shlex.split(action.line(values))
    assert program == "treadle" and COMMANDS[name].remote
    parser_for(name).parse_args(rest)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_action_asks_at_a_route_that_takes_its_body(action):
    path = f"{API}{action.target(VALUES)}"
    routes = [route for route in ROUTES if route.method == "POST" and _matches(route.path, path)]
    assert len(routes) == 1
    assert set(action.said(VALUES)) <= {field.name for field in routes[0].fields or ()}


def test_nothing_in_the_terminal_ui_asks_for_anything_but_by_an_action():
    places = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "app/tui").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "post"
    ]
    assert [place.partition(":")[0] for place in places] == ["acting.py"]


def test_values_are_quoted_for_the_shell():
    assert shlex.split(DISPATCH.line(VALUES))[-4:] == ["--input", "n=2", "--ref", "refs/tags/v1"]
    assert "'env=prod; rm -rf /'" in DISPATCH.line(VALUES)


def _matches(template: str, path: str) -> bool:
    names = re.sub(r"\{\w+:((?:[^{}]|\{[^{}]*\})+)\}", r"(?:\1)", template)
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", names), path) is not None
