"""What the tests of the control plane share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.fakes import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()
