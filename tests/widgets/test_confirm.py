"""Questions: an enter too many does nothing, every answer has a key."""

import pytest

from tests.widgets.dialogs import answered, driven, shown
from widgets.confirm import Choice, Confirm
from widgets.menu import MenuItem

QUIT = (
    MenuItem("wait", "w", "Wait for them", "Quits when the last one has ended."),
    MenuItem("leave", "l", "Leave them", "The next start takes them up where they are."),
    MenuItem("cancel", "c", "Cancel them", "They are stopped and cleaned up."),
)


def question(ascii=False):
    return Confirm("Cancel run #12?", "3 jobs [bold]run[/].", yes="Cancel it", twin="treadle cancel r12", ascii=ascii)


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (("enter",), False),
        (("y",), True),
        (("n",), False),
        (("q",), False),
        (("escape",), False),
        (("right", "enter"), True),
        (("tab", "enter"), True),
        (("l", "h", "enter"), False),
    ],
)
def test_a_confirmation_is_no_unless_yes_is_said(keys, answer):
    assert answered(question(), *keys) == [answer]


def test_a_question_shows_consequence_and_command_as_they_are():
    screen, answers = shown(question(ascii=True))
    text = "\n".join(screen)
    for part in ("Cancel run #12?", "3 jobs [bold]run[/].", "Cancel it", "No", "$ treadle cancel r12"):
        assert part in text
    assert text.isascii()
    assert answers == []


def test_a_click_answers():
    async def deed(app, pilot):
        await pilot.click("#yes")

    assert driven(question(), deed).answers == [True]


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (("enter",), "wait"),
        (("c",), "cancel"),
        (("j", "enter"), "leave"),
        (("down", "down", "down", "enter"), "cancel"),
        (("G", "k", "enter"), "leave"),
        (("escape",), None),
    ],
)
def test_a_choice_is_made_by_letter_or_cursor(keys, answer):
    assert answered(Choice("Quit while 2 jobs run?", QUIT), *keys) == [answer]


def test_a_choice_is_made_by_a_click_on_any_of_its_rows():
    async def deed(app, pilot):
        await pilot.click("Menu", offset=(8, 3))

    assert driven(Choice("Quit?", QUIT), deed).answers == ["leave"]


def test_a_choice_shows_its_cursor_without_colour():
    screen, _ = shown(Choice("Quit?", QUIT, ascii=True), "j")
    marked = [line for line in screen if "> " in line]
    assert len(marked) == 1
    assert "Leave them" in marked[0]
    assert "\n".join(screen).isascii()


def test_a_choice_of_many_scrolls_with_its_cursor():
    many = [MenuItem(str(number), "", f"Workflow {number}", "where it is") for number in range(40)]
    screen, _ = shown(Choice("Which?", many), "G", size=(60, 12))
    assert any("▸" in line and "Workflow 39" in line for line in screen)
    assert answered(Choice("Which?", many), "G", "enter") == ["39"]
    assert any("Workflow 0" in line for line in shown(Choice("Which?", many), "G", "g", size=(60, 12))[0])
