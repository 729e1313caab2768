"""What two logs differ in: nothing of the new one is lost, what moved is no change, what is normal is no difference."""

from hypothesis import given
from hypothesis import strategies as st

from engine.core.log_diff import GONE, MOVED, NEW, SAME, Comparison, Fold, Lines, Row, compare
from engine.git.diff import hunks

lines = st.lists(st.sampled_from([*"abcdefgh", "x 12 ms", "x 13 ms", ""]), max_size=30)


def text(parts: list[str]) -> bytes:
    return "".join(f"{part}\n" for part in parts).encode()


def compared(old: list[str], new: list[str], **more: object) -> Comparison:
    return compare(text(old), text(new), hunks, **more)  # type: ignore[arg-type]


def shown(comparison: Comparison) -> list[str]:
    marks = {SAME: " ", GONE: "-", NEW: "+", MOVED: "~"}
    return [f"... {one.count}" if isinstance(one, Fold) else f"{marks[one.kind]}{one.text}" for one in comparison.rows]


@given(lines, lines)
def test_all_of_the_new_text_is_there_in_its_order(old, new):
    data = text(new)
    seen = []
    for one in compared(old, new).rows:
        if isinstance(one, Fold):
            seen += data[one.offset : one.end].decode().splitlines()
        elif one.kind != GONE:
            assert data[one.offset :].decode().split("\n")[0] == one.text
            seen.append(one.text)
    assert seen == new


@given(lines, lines)
def test_numbers_are_those_of_the_lines(old, new):
    for one in compared(old, new).rows:
        if isinstance(one, Row):
            assert one.new is None or new[one.new - 1] == one.text
            assert one.kind != GONE or (one.old is not None and old[one.old - 1] == one.text)


@given(lines, lines)
def test_the_counts_add_up(old, new):
    found = compared(old, new)
    kinds = [one.kind for one in found.rows if isinstance(one, Row)]
    assert (kinds.count(NEW), kinds.count(GONE), kinds.count(MOVED)) == (found.new, found.gone, found.moved)
    assert len(old) - found.gone == len(new) - found.new
    assert found.left_out == 0


@given(lines)
def test_a_log_does_not_differ_from_itself(some):
    found = compared(some, some)
    assert (found.new, found.gone, found.moved, found.first) == (0, 0, 0, None)


@given(lines, st.randoms())
def test_what_is_only_in_another_order_is_no_change(some, random):
    other = list(some)
    random.shuffle(other)
    found = compared(some, other)
    assert (found.new, found.gone, found.first) == (0, 0, None)


def test_what_differs_at_every_run_is_no_change_and_is_shown_as_it_is_now():
    found = compared(["a", "took 12 ms in /tmp/xyz123", "b"], ["a", "took 99 ms in /tmp/abc987", "b"])
    assert shown(found) == ["... 3"]
    found = compared(["took 12 ms", "b"], ["took 99 ms", "c"])
    assert shown(found) == [" took 99 ms", "-b", "+c"]


def test_it_opens_at_the_first_new_line():
    found = compared(["a", "old", "b", "c"], ["a", "b", "new", "c"])
    assert shown(found) == [" a", "-old", " b", "+new", " c"]
    assert found.first == 3


def test_where_nothing_is_new_it_opens_at_what_is_gone():
    found = compared(["a", "old", "b"], ["a", "b"])
    assert found.first == 1


def test_what_moved_is_shown_once_where_it_is_now():
    found = compared(["m", "a", "b", "c", "d"], ["a", "b", "c", "d", "m", "n"])
    assert shown(found) == [" a", " b", " c", " d", "~m", "+n"] or shown(found)[-2:] == ["~m", "+n"]
    assert (found.new, found.gone, found.moved) == (1, 0, 1)


def test_what_is_alike_is_folded_but_for_its_edges():
    same = [f"line {chr(97 + n)}" for n in range(20)]
    found = compared([*same, "x"], [*same, "y"], context=2)
    assert shown(found) == ["... 18", " line s", " line t", "-x", "+y"]
    [fold] = [one for one in found.rows if isinstance(one, Fold)]
    assert (fold.old, fold.new, fold.offset, fold.end) == (1, 1, 0, len(text(same[:18])))


def test_what_only_one_of_two_cut_texts_begins_with_says_nothing():
    found = compared(["p", "q", "a", "b"], ["a", "b", "c"], old_is_cut=True)
    assert shown(found) == [" a", " b", "+c"]
    assert found.gone == 0


def test_too_many_differences_are_counted_and_not_shown(monkeypatch):
    monkeypatch.setattr("engine.core.log_diff.MOST_LINES", 10)
    found = compared(["a"], [f"n{n}" for n in range(50)])
    assert (found.new, found.gone, found.left_out) == (50, 1, 41)
    assert len(found.rows) == 10


def test_a_very_long_line_is_shown_in_part():
    [row] = compared([], ["x" * 5000]).rows
    assert isinstance(row, Row) and row.text.endswith("[904 bytes more]")


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=60))
def test_any_line_is_found_by_its_number(some):
    found = Lines(b"".join(line + b"\n" for line in some))
    assert found.count == len(some)
    assert [found.slice(number, 1) for number in range(len(some))] == [[line] for line in some]
    assert found.slice(0, len(some)) == some
