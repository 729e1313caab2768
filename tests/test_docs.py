"""The pages made from the code are what the code says."""

import importlib.util
from pathlib import Path

import pytest

from engine.core.states import TABLES

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
