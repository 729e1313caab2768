"""Records are data classes: equal, hashed and shown by their fields, and never written to where they are frozen."""

import dataclasses
from dataclasses import asdict, field, fields, replace
from pathlib import Path

import pytest
from mypy import api

from pipelines.records import dataclass

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    note: str = field(default="", compare=False)
    secret: str = field(default="hidden", repr=False)
    more: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Other:
    x: int
    y: int = 2


@dataclass
class Loose:
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


def test_records_are_equal_and_hashed_by_the_fields_that_count() -> None:
    assert Point(1) == Point(1, 2, "another note") != Point(1, 3)
    assert hash(Point(1)) == hash(Point(1, note="another note")) == hash(Point(1, more={"a": "b"}))
    assert Point(1) != Point(1, more={"a": "b"})
    assert {Point(1): "found"}[Point(1)] == "found"
    assert Nothing() == Nothing() and hash(Nothing()) == hash(Nothing())


def test_records_of_two_kinds_are_never_equal() -> None:
    assert Other(1) != Point(1) and Other(1) != (1, 2)


def test_a_field_that_is_not_to_be_shown_is_not_shown() -> None:
    assert repr(Point(1)) == "Point(x=1, y=2, note='', more={})"


def test_what_may_change_is_not_hashed_and_starts_with_values_of_its_own() -> None:
    one, other = Loose(), Loose()
    one.names.append("ada")
    assert (one.names, other.names) == (["ada"], [])
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_the_standard_functions_work_on_a_record() -> None:
    assert replace(Point(1), y=5) == Point(1, 5)
    assert asdict(Other(1)) == {"x": 1, "y": 2}
    assert [one.name for one in fields(Point)] == ["x", "y", "note", "secret", "more"]
    assert dataclasses.is_dataclass(Point) and not hasattr(Point(1), "__dict__")
    match Point(7):
        case Point(x, y):
            assert (x, y) == (7, 2)


def test_a_method_of_a_classes_own_stays() -> None:
    @dataclass(frozen=True, slots=True)
    class Named:
        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Named) and self.name.lower() == other.name.lower()

        def __repr__(self) -> str:
            return f"<{self.name}>"

    assert Named("A") == Named("a") and repr(Named("A")) == "<A>"
    assert hash(Named("A")) == hash(Named("A"))


def test_the_type_checker_refuses_to_write_to_a_frozen_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = tmp_path / "page.py"
    page.write_text(
        "from pipelines.records import dataclass\n"
        "@dataclass(frozen=True, slots=True)\n"
        "class A:\n    x: int\n"
        "A(1).x = 2\n"
    )
    said, _, code = api.run([str(page), "--cache-dir", str(tmp_path / "cache")])
    assert code == 1 and 'Property "x" defined in "A" is read-only' in said
