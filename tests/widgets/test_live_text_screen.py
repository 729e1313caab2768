"""A text that is told anew: it keeps its place, asks no more once nothing can change, and turns to the next thing."""

from tests.widgets.dialogs import driven, shown
from widgets.live_text_screen import About, LiveTextScreen, Told
from widgets.text_body import TextBody, Words


class Teller:
    """Tells so many lines, each with the count of the looks; live for as many looks as said."""

    def __init__(self, lines: int = 100, live_for: int = 10**6, text: str = "line") -> None:
        self.looks, self._lines, self._live_for, self._text = 0, lines, live_for, text

    async def look(self) -> Told:
        self.looks += 1
        lines = [Words(f"{self._text} {number} look {self.looks}") for number in range(self._lines)]
        return Told(lines, self.looks < self._live_for)


def screen(*tellers: Teller) -> LiveTextScreen:
    abouts = [About(f"Why {place}", f"treadle explain {place}", one.look) for place, one in enumerate(tellers)]
    return LiveTextScreen(abouts, pace_s=0.05)


def test_what_is_read_stays_where_it_is_while_the_text_changes():
    teller = Teller()

    async def deed(app, pilot):
        while teller.looks < 1:
            await pilot.pause(0.01)
        await pilot.press("G")
        at = app.screen.query_one(TextBody).scroll_offset.y
        before = teller.looks
        while teller.looks < before + 3:
            await pilot.pause(0.01)
        assert app.screen.query_one(TextBody).scroll_offset.y == at > 0

    driven(screen(teller), deed)


def test_what_cannot_change_is_not_asked_again():
    teller = Teller(live_for=2)

    async def deed(app, pilot):
        while teller.looks < 2:
            await pilot.pause(0.01)
        for _ in range(10):
            await pilot.pause(0.01)
        assert teller.looks <= 3  # one may have been on its way

    driven(screen(teller), deed)


def test_a_key_turns_to_the_next_and_back():
    job, run = Teller(3, text="job"), Teller(3, text="run")
    assert any("job 0" in line for line in shown(screen(job, run))[0])
    lines = shown(screen(job, run), "x")[0]
    assert any("run 0" in line for line in lines) and any("$ treadle explain 1" in line for line in lines)
    assert any("job 2" in line for line in shown(screen(job, run), "x", "x")[0])


def test_a_hostile_line_cannot_leave_its_row():
    lines = shown(screen(Teller(1, text="a\x1b[2Jb\nc\x07")))[0]
    assert not any(char in "".join(lines) for char in "\x1b\x07")
    assert any("ab c" in line for line in lines)
