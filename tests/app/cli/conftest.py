"""What the tests of commands share: a home that is served, and lines that name it, from here and from afar."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from app.cli.main import main
from tests.app.server.site import Site
from tests.app.server.site import site as serve

Call: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path / "home") as site:
        yield site


@pytest.fixture
def here(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options that mean the home itself. Whoever opens it gets the store of the site: one database a process."""
    monkeypatch.setattr("engine.store.store.open_store", lambda home, create=False: site.lab.store)
    monkeypatch.setattr(site.lab.store, "close", lambda: None)
    return ["--home", str(site.home)]


@pytest.fixture
def afar(site: Site) -> list[str]:
    """The options that mean its engine, over the network."""
    return ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("write")]


@pytest.fixture(params=["here", "afar"])
def treadle(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Call:
    """Carries out a line on the files of the home, and on its engine; gives exit code, stdout and stderr."""
    where: list[str] = request.getfixturevalue(request.param)

    def call(*line: object) -> tuple[int, str, str]:
        code = main([*map(str, line), *where])
        return code, *capfd.readouterr()

    return call
