"""A caption is cut at the edge, safe, and tells which of its words was clicked."""

import asyncio

from textual.app import App, ComposeResult

from tests.widgets.screen import text_of
from widgets.caption import Caption
from widgets.line import Piece


class Stage(App[object]):
    def __init__(self, *pieces: Piece) -> None:
        super().__init__()
        self.pieces, self.targets = pieces, list[int]()

    def compose(self) -> ComposeResult:
        yield Caption()

    def on_mount(self) -> None:
        self.query_one(Caption).show(*self.pieces)

    def on_caption_clicked(self, message: Caption.Clicked) -> None:
        self.targets.append(message.target)


def seen(*pieces: Piece, click: int | None = None) -> tuple[str, list[int]]:
    async def go() -> tuple[str, list[int]]:
        app = Stage(*pieces)
        async with app.run_test(size=(20, 3)) as pilot:
            await pilot.pause()
            if click is not None:
                await pilot.click(Caption, offset=(click, 0))
            return text_of(app)[0], app.targets

    return asyncio.run(go())


def test_pieces_stand_beside_each_other_and_are_cut_at_the_edge():
    assert seen(Piece("one", "title"), Piece("  two", "dim"))[0] == "one  two"
    assert seen(Piece("one"), Piece(" a long way to go home"))[0] == "one a long way to g…"


def test_nothing_in_a_caption_commands_the_terminal():
    assert seen(Piece(" a\x1b[2Jb\u202ec "), Piece("d"))[0] == " abc d"


def test_a_click_tells_which_words_were_meant():
    pieces = (Piece("one ", target=1), Piece("two", target=2), Piece(" three"))
    assert [seen(*pieces, click=x)[1] for x in (0, 5, 9)] == [[1], [2], []]
