"""The table of faults: each row is held by tests that are there, and the page says what the table says."""

import re

from tests.faults.table import FAULTS, ROOT, page

NAMED = {test for fault in FAULTS for test in fault.tests}


def laws(folder: str) -> set[str]:
    files = (ROOT / folder).rglob("test_*.py")
    return {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}


def test_every_promise_is_held_by_tests_that_are_there():
    assert all(fault.tests for fault in FAULTS)
    assert NAMED - laws("tests") == set()


def test_every_test_of_a_fault_is_in_the_table():
    own = set(re.findall(r"^def (test_\w+)", (ROOT / "tests/faults/test_table.py").read_text(), re.MULTILINE))
    assert laws("tests/faults") - own - NAMED == set()


def test_the_page_on_faults_is_printed_from_the_table():
    assert (ROOT / "docs" / "faults.md").read_text() == page(), "run: python -m tests.faults.table"
