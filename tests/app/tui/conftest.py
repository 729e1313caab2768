"""What the tests of the terminal UI share: a real server of its own for each."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # Textual reads it when it is imported

from tests.app.server.site import Site
from tests.app.server.site import site as serve


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path / "home") as site:
        yield site
