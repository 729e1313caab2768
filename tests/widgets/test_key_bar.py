"""The bar of keys: what finds room, and what always does."""

from widgets.key_bar import KeyBar

KEYS = [("R", "rerun failed"), ("x", "why"), ("D", "diff"), ("?", "help"), ("q", "quit")]


def said(width, always=2):
    bar = KeyBar()
    bar._keys, bar._always = tuple(KEYS), always
    return "".join(piece.text for piece in bar.pieces(width))


def test_keys_are_left_out_where_they_find_no_room_but_for_the_last_few():
    assert said(80) == "R rerun failed  x why  D diff  ? help  q quit"
    assert said(44) == "R rerun failed  x why  ? help  q quit"
    assert said(37) == "R rerun failed  x why  ? help  q quit"
    assert said(36) == "R rerun failed  ? help  q quit"
    assert said(20) == "? help  q quit"
    assert said(3) == ""
    assert said(24, always=0) == "R rerun failed  x why"


def test_a_line_is_never_wider_than_it_may_be():
    assert all(len(said(width)) <= width for width in range(60))
