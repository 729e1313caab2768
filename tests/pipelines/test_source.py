"""The laws of the source: YAML 1.2 scalars, exact places, and caps that hostile files run into."""

import math
import time

import pytest

from pipelines.errors import Place
from pipelines.scalars import scalar_text, scalar_value
from pipelines.source import MAX_DEPTH, Mapping, Scalar, Sequence, SourceError, read


def value(text: str) -> object:
    root = read(f"key: {text}\n").root
    assert isinstance(root, Mapping)
    node = root.pairs[0][1]
    assert isinstance(node, Scalar)
    return node.value


def fault(text: str | bytes) -> tuple[int, int, str]:
    with pytest.raises(SourceError) as caught:
        read(text)
    found = caught.value.finding
    return found.place.line, found.place.column, found.message


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "y", "12:30:45", "2024-01-02", "1_000", "0b1", "NaN", "=", "v1"]
)
def test_what_yaml_1_1_retypes_stays_text(text: str) -> None:
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", None), ("~", None), ("Null", None), ("TRUE", True), ("false", False), ("007", 7), ("0o17", 15),
        ("0xfF", 255), ("+1", 1), ("-0", 0), ("1.50", 1.5), ("5.", 5.0), (".5", 0.5), ("1e3", 1000.0),
        ("-.INF", -math.inf), ("1e400", math.inf), ("'1'", "1"), ('"true"', "true"), ("!!str 1", "1"),
        ("!!int 7", 7), ("!!float 1", 1), ("!!int '7'", "7"), ("! 7", "7"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema(text: str, meant: object) -> None:
    assert value(text) == meant
    assert type(value(text)) is type(meant)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1.0", "1"), ("1.50", "1.5"), ("1e20", "100000000000000000000"), ("1e21", "1e+21"), ("1.5e-7", "1.5e-7"),
        ("-0.0", "0"), (".nan", "NaN"), ("-.inf", "-Infinity"), ("True", "true"), ("null", ""), ("0.0015", "0.0015"),
        ("9" * 500, "Infinity"), ("123456789", "123456789"),
    ],
)  # fmt: skip
def test_a_scalar_reads_as_the_text_that_github_makes_of_it(written: str, text: str) -> None:
    assert scalar_text(scalar_value(written)) == text


def test_every_node_knows_where_it_stands() -> None:
    root = read("a: 1\nb:\n  - x\n  - {c: d}\n").root
    assert isinstance(root, Mapping)
    items = root.pairs[1][1]
    assert isinstance(items, Sequence)
    assert (root.place, items.place) == (Place(1, 1), Place(3, 3))
    assert [item.place for item in items.items] == [Place(3, 5), Place(4, 5)]


@pytest.mark.parametrize(
    ("written", "needle", "place"),
    [
        ("a: x ${{ one }} y ${{ two }}\n", "two", Place(1, 23)),
        ("a: 'it''s ${{ one }}'\n", "one", Place(1, 15)),
        ('a: "\\" ${{ one }}"\n', "one", Place(1, 12)),
        ("a: |\n  first\n    ${{ one }}\n", "one", Place(3, 9)),
        ("a: >-\n  folded\n  text ${{ one }}\n", "one", Place(3, 12)),
        ("a: >-\n  ${{ x &&\n  one }}\n", "one", Place(3, 3)),
        ("a: plain\n   over ${{ one }}\n", "one", Place(2, 13)),
        ("a: |\r\n  first\r\n  ${{ one }}\r\n", "one", Place(3, 7)),
        ("a: github.x == one\n", "one", Place(1, 16)),
        ("a: 'x == one'\n", "one", Place(1, 10)),
        ("a: |\n\n  x\n  y == one\n", "one", Place(4, 8)),
    ],
)
def test_a_character_of_a_scalar_is_found_in_the_file_whatever_its_style(
    written: str, needle: str, place: Place
) -> None:
    document = read(written)
    assert isinstance(document.root, Mapping)
    node = document.root.pairs[0][1]
    assert isinstance(node, Scalar)
    assert document.place_in(node, node.text.index(needle)) == place


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "empty"),
        ("# only a comment\n", 1, 1, "empty"),
        ("a: 1\n---\nb: 2\n", 2, 1, "second YAML document"),
        ("a: *b\n", 1, 4, "no anchor"),
        ("a: &b [*b]\n", 1, 8, "inside of what it refers to"),
        ("a: !thing x\n", 1, 4, "tag !thing"),
        ("a: !!int x\n", 1, 4, "not a value of the type !!int"),
        ("a: !!seq {}\n", 1, 4, "tag !!seq"),
        ("? [a]\n: b\n", 1, 3, "a key must be text"),
        ("a:\n\tb: 1\n", 2, 1, "YAML"),
        ("a: b: c\n", 1, 5, "mapping values"),
        ("a: 'x\n", 2, 1, "quoted scalar"),
        ("a: \x07\n", 1, 4, "U+0007"),
        (b"a: b\nc: \xff\n", 2, 4, "UTF-8"),
        ("a\x00b", 1, 2, "U+0000"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str | bytes, line: int, column: int, words: str) -> None:
    found = fault(text)
    assert found[:2] == (line, column)
    assert words in found[2]


def test_keys_are_duplicates_without_regard_to_case_and_all_are_told() -> None:
    findings = read("a: 1\nA: 2\nb: {c: 1, C: 2}\n<<: {}\n").findings
    assert [(f.place.line, f.place.column) for f in findings] == [(2, 1), (3, 11), (4, 1)]
    assert "line 1" in findings[0].message


def test_an_anchor_that_swallows_a_word_is_an_error_but_an_alias_makes_it_good() -> None:
    assert "&echo" in read("run: &echo hi\n").findings[0].message
    assert read("a: &b hi\nc: *b\n").findings == []
    assert read("a: &b {c: d}\n").findings == []


def test_aliases_share_what_they_refer_to() -> None:
    root = read("a: &x {b: 1}\nc: *x\n").root
    assert isinstance(root, Mapping)
    assert root.pairs[0][1] is root.pairs[1][1]


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 50_000,
        "a: " + "{b: " * 50_000,
        "- " * 5_000 + "x",
        "a: &a [x, x]\n"
        + "".join(f"{chr(i)}: &{chr(i)} [{', '.join([f'*{chr(i - 1)}'] * 9)}]\n" for i in range(98, 118)),
        f"a: &a {'x' * 20_000}\nb: [{', '.join(['*a'] * 800)}]\n",
        "".join(f"{'  ' * i}a:\n" for i in range(MAX_DEPTH + 1)),
        "a: &x " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*x" + "]" * 30 + "\n",
        "x" * ((1 << 20) + 1),
    ],
)
def test_hostile_files_run_into_a_cap_at_once(text: str) -> None:
    start = time.monotonic()
    fault(text)
    assert time.monotonic() - start < 2


def test_a_file_as_deep_as_allowed_is_read() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH).findings == []


def test_line_separators_of_yaml_1_1_are_text() -> None:
    assert value("a\u2028b\x85c") == "a\u2028b\x85c"
