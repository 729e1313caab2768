"""What a home is told by: its id, the same for all who ask."""

from pathlib import Path
from threading import Barrier, Thread

import pytest

from engine import home as homes
from engine.home import home_id


def test_all_who_come_first_at_once_find_the_same_id(tmp_path: Path) -> None:
    begin, found = Barrier(8), []

    def ask() -> None:
        begin.wait()
        found.append(home_id(tmp_path))

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {(tmp_path / "home.id").read_text().strip()}


def test_who_is_a_moment_late_takes_the_id_of_who_was_quicker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = home_id(tmp_path)
    looks = iter(["", *[theirs] * 9])  # the first look was before theirs was there
    monkeypatch.setattr(homes, "_known_id", lambda path: next(looks))
    assert home_id(tmp_path) == theirs
    assert (tmp_path / "home.id").read_text().strip() == theirs


@pytest.mark.parametrize("damage", ["", "\n", "a b", "../../etc"])
def test_an_id_that_is_damaged_is_made_anew(tmp_path: Path, damage: str) -> None:
    (tmp_path / "home.id").write_text(damage)
    made = home_id(tmp_path)
    assert made and made == home_id(tmp_path) == (tmp_path / "home.id").read_text().strip()
