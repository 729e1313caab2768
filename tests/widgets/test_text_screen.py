"""A text over the screen: wrapped, searched, harmless."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.widgets.dialogs import driven, shown
from widgets.text_screen import TextScreen
from widgets.wrapping import wrap

PAYLOAD = "\n".join(f'  "key{number}": {number}' for number in range(100))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z", "M"]) | st.just(" ")), st.integers(2, 20))
def test_wrapping_loses_nothing_but_blanks_and_fits(text, width):
    rows = wrap(text, width)
    assert all(cell_len(row) <= width for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")


def test_wrapping_breaks_at_blanks_and_keeps_what_leads():
    assert wrap("  one two three", 9) == ["  one two", "three"]
    assert wrap("abcdefgh", 3) == ["abc", "def", "gh"]
    assert wrap("", 5) == [""]


def test_it_scrolls_as_every_pane():
    assert any('"key99": 99' in line for line in shown(TextScreen("Event", PAYLOAD), "G")[0])
    assert any('"key0": 0' in line for line in shown(TextScreen("Event", PAYLOAD), "G", "g")[0])
    assert shown(TextScreen("Event", PAYLOAD), "q")[1] == [None]


def test_a_search_goes_to_its_matches_and_around():
    keys = ["slash", *"key5", "enter"]
    screen, _ = shown(TextScreen("Event", PAYLOAD), *keys)
    assert '"key5"' in screen[2]
    assert '"key50"' in shown(TextScreen("Event", PAYLOAD), *keys, "n")[0][2]
    assert '"key5"' in shown(TextScreen("Event", PAYLOAD), *keys, "n", "N")[0][2]
    assert any("11 rows" in line for line in shown(TextScreen("Event", PAYLOAD), *keys[:-1])[0])


def test_the_text_is_handed_over_for_copying():
    async def deed(app, pilot):
        await pilot.press("y")

    assert [event.text for event in driven(TextScreen("Event", "a\n[b]"), deed).heard] == ["a\n[b]"]


def test_a_hostile_text_reaches_the_screen_without_a_control_character():
    hostile = "AA\x1b]0;PWNED\x07\x1b[5;5HBB\x1b[31mred\x9b31m[bold]x[/]\tY"
    screen, _ = shown(TextScreen("Event", hostile))
    text = "\n".join(screen)
    assert not any(char in text for char in "\x1b\x07\x9b")
    assert "AABBred" in text
    assert "[bold]x[/]" in text
