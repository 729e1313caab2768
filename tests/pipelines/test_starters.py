"""The starters are honest: valid, without a warning, and readable as they stand."""

from pathlib import Path

import pytest

import pipelines
from pipelines.parse import parse_workflow

STARTERS = sorted((Path(pipelines.__file__).parent / "starters").glob("*.yml"))


def test_there_are_starters() -> None:
    assert {path.stem for path in STARTERS} >= {"generic", "python", "node", "go", "rust"}


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_a_starter_is_valid_without_a_warning(path: Path) -> None:
    workflow = parse_workflow(path.read_bytes(), path.name)
    assert workflow.findings == ()
    assert workflow.name
    assert path.read_text().startswith("# ")
