"""How one begins: a key for each way."""

import asyncio

import pytest
from textual.app import App, ComposeResult

from tests.widgets.screen import text_of
from widgets.first_steps import WAYS, FirstSteps


class Empty(App[None]):
    """An empty home."""

    def __init__(self, **more: object) -> None:
        super().__init__()
        self.steps, self.chosen = FirstSteps(**more), list[str]()

    def compose(self) -> ComposeResult:
        yield self.steps

    def on_first_steps_chosen(self, event: FirstSteps.Chosen) -> None:
        self.chosen.append(event.way)


def run(*keys: str, **more: object) -> tuple[list[str], str]:
    async def go() -> tuple[list[str], str]:
        app = Empty(**more)
        async with app.run_test(size=(70, 16)) as pilot:
            await pilot.press(*keys)
            return app.chosen, "\n".join(text_of(app))

    return asyncio.run(go())


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_way_has_its_key_and_is_in_view(way):
    chosen, text = run(way.key)
    assert chosen == [way.name]
    assert way.label in text


def test_the_cursor_chooses_too():
    assert run("down", "enter")[0] == ["forge"]


def test_a_way_that_is_not_open_here_is_not_offered():
    chosen, text = run("t", "enter", ways=WAYS[1:], ascii=True)
    assert chosen == ["forge"]
    assert "This repository" not in text
    assert text.isascii()
