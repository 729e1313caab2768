"""The keys, filtered as one types."""

from tests.widgets.dialogs import shown
from widgets.help_screen import HelpScreen, help_lines

GROUPS = (
    ("Log", (("f", "follow the end"), ("n N", "next and previous match"))),
    ("Everywhere", (("q", "quit"), ("1…7", "screens"))),
)


def test_the_groups_come_in_the_order_given():
    texts = ["".join(words.text for words in line) for line in help_lines(GROUPS)]
    assert texts == ["Log", "  f    follow the end", "  n N  next and previous match", "", "Everywhere",
                     "  q    quit", "  1…7  screens"]  # fmt: skip


def test_a_filter_leaves_out_what_does_not_match_and_empty_groups():
    texts = ["".join(words.text for words in line) for line in help_lines(GROUPS, "match")]
    assert texts == ["Log", "  n N  next and previous match"]
    assert help_lines(GROUPS, "everywhere quit")[-1][-1].text == "quit"


def test_groups_stand_side_by_side_where_there_is_room_the_first_on_the_left():
    lines = help_lines(GROUPS, width=60)
    texts = ["".join(words.text for words in line) for line in lines]
    assert texts == ["Log                              Everywhere",
                     "  f    follow the end              q    quit",
                     "  n N  next and previous match     1…7  screens"]  # fmt: skip
    assert help_lines(GROUPS, width=40) == help_lines(GROUPS)
    assert help_lines(GROUPS, "match", width=60) == help_lines(GROUPS, "match")
    assert help_lines((), width=60) == []


def test_columns_are_as_even_as_the_order_lets_them_be():
    groups = [
        (f"pane {n}", tuple((f"k{n}{row}", "deed") for row in range(rows))) for n, rows in enumerate((2, 6, 3, 1))
    ]
    assert len(help_lines(groups)) == 2 + 6 + 3 + 1 + 4 + 3
    assert len(help_lines(groups, width=30)) == 2 + 6 + 2 + 1  # two columns: the first two groups, the others
    assert len(help_lines(groups, width=200)) == 6 + 1


def test_typing_filters_and_escape_closes():
    screen, answers = shown(HelpScreen("Keys", GROUPS), *"quit")
    assert any("q    quit" in line for line in screen)
    assert not any("follow" in line for line in screen)
    assert answers == []
    assert shown(HelpScreen("Keys", GROUPS), *"q", "escape")[1] == [None]


def test_a_filter_that_matches_nothing_says_so():
    screen, _ = shown(HelpScreen("Keys", GROUPS), *"zz")
    assert any("No key is about “zz”." in line for line in screen)


def test_arrows_scroll_while_the_filter_has_the_focus():
    many = (("Pane", tuple((str(number), f"deed {number}") for number in range(60))),)
    screen, _ = shown(HelpScreen("Keys", many), *["pagedown"] * 9, "up")
    assert any("deed 58" in line for line in screen)
