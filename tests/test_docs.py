"""The pages made from the code are what the code says."""

import argparse
import importlib
import importlib.util
import json
import pkgutil
import re
from contextlib import redirect_stderr
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest

from app.cli.main import COMMANDS, parser_for, split, top_parser
from app.tui import pages
from docs.print_states import FIRST
from engine.core.states import TABLES
from engine.settings.file import parse_settings
from pipelines.parse import parse_workflow
from pipelines.policy import parse_policy
from tests.page import called

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))
WRITTEN = [DOCS.parent / "README.md", *PAGES]


@pytest.fixture
def generate():
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_on_states_is_printed_from_the_tables(generate):
    assert (DOCS / "states.md").read_text() == generate.states_page(), "run: python docs/generate.py"


def test_every_status_can_be_reached(generate):
    for noun, table in TABLES.items():
        statuses = {str(status) for status in type(next(iter(table))[0])}
        assert statuses == {str(status) for status in table.values()} | set(FIRST[noun])


def test_the_page_on_commands_is_printed_from_their_parsers(generate):
    assert (DOCS / "commands.md").read_text() == generate.commands_page(), "run: python docs/generate.py"


def test_the_page_on_compatibility_is_printed_from_the_parsers_tables(generate):
    assert (DOCS / "compatibility.md").read_text() == generate.compatibility_page(), "run: python docs/generate.py"


def test_the_page_on_the_terminal_ui_is_printed_from_its_panes(generate):
    assert (DOCS / "terminal.md").read_text() == generate.terminal_page(), "run: python docs/generate.py"


def test_the_page_on_the_terminal_ui_knows_every_key_of_every_page():
    text = (DOCS / "terminal.md").read_text()
    for found in pkgutil.iter_modules(pages.__path__, f"{pages.__name__}."):
        for one in vars(importlib.import_module(found.name)).values():
            for binding in getattr(one, "BINDINGS", ()) if getattr(one, "__module__", "") == found.name else ():
                assert getattr(binding, "id", None) is None or f"`{binding.id}`" in text, binding


@pytest.mark.parametrize("page", ["api.md", "architecture.md", "fixing.md", "performance.md"])
def test_what_a_page_says_it_prints_is_printed(generate, page):
    text = (DOCS / page).read_text()
    assert page in generate.PARTLY
    assert text == generate.filled(text), "run: python docs/generate.py"


def test_the_recorded_session_is_valid_and_of_no_machine():
    text = (DOCS / "hold-fix-retry.cast").read_text()
    header, *events = [json.loads(line) for line in text.splitlines()]
    assert header["version"] == 2 and header["width"] > 0 and header["height"] > 0
    times = [at for at, _, _ in events]
    assert times == sorted(times) and max(b - a for a, b in pairwise(times)) < 6
    assert {kind for _, kind, _ in events} == {"o", "m"}
    shown = "".join(data for _, kind, data in events if kind == "o")
    assert shown.startswith("$ treadle") and "patched" in shown
    for path in ("/tmp", "/home", "/root", "/var", str(DOCS.parent)):
        assert path not in shown


def test_the_recorded_session_presses_keys_of_this_version():
    events = [json.loads(line) for line in (DOCS / "hold-fix-retry.cast").read_text().splitlines()[1:]]
    pressed = [data for _, kind, data in events if kind == "m"]
    rows = (DOCS / "terminal.md").read_text().splitlines()
    assert {"! held.shell", ". held.again"} <= set(pressed)
    for key, _, binding in (one.partition(" ") for one in pressed):
        assert not binding or any(f"`{key}`" in row and row.endswith(f"| `{binding}` |") for row in rows), key


def test_the_page_on_the_architecture_names_only_files_that_are_there():
    found = re.findall(r"`((?:app|engine|pipelines|widgets|tests)/[\w/.]+)`", (DOCS / "architecture.md").read_text())
    assert len(found) > 50
    assert [path for path in found if not (DOCS.parent / path).exists()] == []


def test_every_example_of_the_page_on_workflows_is_valid(tmp_path):
    found = re.findall(r"^```yaml\n(.*?)^```$", (DOCS / "workflows.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(found) > 5
    for text in found:
        if text.startswith("# treadle.yml"):
            assert parse_settings(tmp_path, tmp_path / "treadle.yml", text.encode(), {}) is not None
            continue
        if text.startswith("# .treadle/policy.yml"):
            assert parse_policy(text).findings == ()
            continue
        whole = text if re.search("^on:", text, re.MULTILINE) else f"on: push\n{text}"
        if "jobs:" not in whole:
            whole += "jobs: {a: {runs-on: ubuntu-latest, steps: [run: x]}}\n"
        workflow = parse_workflow(whole, "example.yml")
        assert [finding.message for finding in workflow.findings] == [], text


def refused(words: list[str], whole: bool) -> str:
    """Return what the command line's own parsers say against a call; of one that is not `whole` they know the flags."""
    front, name, rest = split(words)
    if name is None or name.isupper():
        parser, rest = top_parser(), front
    elif name not in COMMANDS:
        return f"there is no {name}"
    else:
        parser, rest = parser_for(name), [*front, *rest]
    if not whole:
        parsers = [parser]
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += [action.choices[word] for word in rest if word in action.choices]
        known = {flag for one in parsers for flag in one._option_string_actions}
        return " ".join(word for word in rest if re.match("--?[a-z]", word) and word.partition("=")[0] not in known)
    try:
        with redirect_stderr(StringIO()) as said:
            parser.parse_args(rest)
    except SystemExit as end:
        return said.getvalue() if end.code else ""
    return ""


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.stem)
def test_a_page_names_no_command_that_the_parsers_do_not_take(page):
    found = [(line, words, refused(words, whole)) for line, words, whole in called(page.read_text())]
    assert [one for one in found if one[2]] == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.stem)
def test_a_page_links_to_what_is_there(page):
    for target, heading in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        heads = re.findall("^#+ (.*)$", path.read_text(), re.MULTILINE) if heading else []
        assert not heading or heading in [re.sub(r"[^\w\- ]", "", head).lower().replace(" ", "-") for head in heads]
