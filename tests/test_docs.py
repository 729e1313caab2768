"""The pages made from the code are what the code says."""

import importlib.util
import re
from pathlib import Path

import pytest

from engine.core.states import TABLES
from engine.settings_file import parse_settings
from pipelines.parse import parse_workflow

DOCS = Path(__file__).resolve().parent.parent / "docs"


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
        assert statuses == {str(status) for status in table.values()} | set(generate.FIRST[noun])


def test_the_page_on_commands_is_printed_from_their_parsers(generate):
    assert (DOCS / "commands.md").read_text() == generate.commands_page(), "run: python docs/generate.py"


def test_the_page_on_compatibility_is_printed_from_the_parsers_tables(generate):
    assert (DOCS / "compatibility.md").read_text() == generate.compatibility_page(), "run: python docs/generate.py"


def test_the_page_on_the_terminal_ui_is_printed_from_its_panes(generate):
    assert (DOCS / "terminal.md").read_text() == generate.terminal_page(), "run: python docs/generate.py"


def test_every_example_of_the_page_on_workflows_is_valid(tmp_path):
    found = re.findall(r"^```yaml\n(.*?)^```$", (DOCS / "workflows.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(found) > 5
    for text in found:
        if text.startswith("# treadle.yml"):
            assert parse_settings(tmp_path, tmp_path / "treadle.yml", text.encode(), {}) is not None
            continue
        whole = text if re.search("^on:", text, re.MULTILINE) else f"on: push\n{text}"
        if "jobs:" not in whole:
            whole += "jobs: {a: {runs-on: ubuntu-latest, steps: [run: x]}}\n"
        workflow = parse_workflow(whole, "example.yml")
        assert [finding.message for finding in workflow.findings] == [], text
