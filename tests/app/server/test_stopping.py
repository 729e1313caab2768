"""A server that is stopped leaves nobody waiting, whenever they came."""

import threading

import pytest

from engine.core.errors import EngineError
from tests.app.server.site import site


@pytest.mark.parametrize("round", range(20))
def test_whoever_asks_while_the_server_stops_is_answered_or_turned_away(tmp_path, round):
    asked, turned_away = threading.Event(), threading.Event()

    def ask_on() -> None:
        try:
            while True:
                client.get("/runs")
                asked.set()
        except EngineError:
            turned_away.set()

    with site(tmp_path / "home") as here:
        client = here.client
        threading.Thread(target=ask_on, daemon=True).start()
        asked.wait(10)
        turned_away.wait(round / 2000)  # never set here: the stop comes at another moment of a question each round
    assert turned_away.wait(30)
