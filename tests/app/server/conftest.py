"""What the tests of the server share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.server.site import Site
from tests.app.server.site import site as serve


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path / "home") as site:
        yield site
