"""The settings of a running server: a real file, edited while it is followed."""

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.errors import SettingsError
from engine.settings.edit import add_repo, remove_repo
from engine.settings.live import LiveSettings
from engine.settings.model import Listen, Settings, load

SITE = "repos:\n  - name: site\n    url: /srv/site\n"


class Followed:
    """A file, its settings, and what was told of them."""

    def __init__(self, home: Path) -> None:
        self.file = home / "treadle.yml"
        self.prepared: list[Settings] = []
        self.told = 0
        self.live = LiveSettings(
            load(home, None, {}), self.file, {"TOKEN": "t"}, prepare=self.prepared.append, taken=self._taken
        )

    def _taken(self) -> None:
        self.told += 1

    def write(self, text: str) -> None:
        """Write the file, and have it looked at until it is taken."""
        before = self.file.stat().st_mtime_ns if self.file.exists() else 0
        self.file.write_text(text)
        os.utime(self.file, ns=(before + 1_000_000, before + 1_000_000))
        self.look()

    def look(self) -> None:
        self.live.look()
        self.live.look()

    @property
    def names(self) -> list[str]:
        return [repo.name for repo in self.live.now.repos]


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_a_repository_that_is_written_down_is_known(followed):
    followed.write(SITE)
    assert followed.names == ["site"]
    assert (followed.told, [one.repos for one in followed.prepared]) == (1, [followed.live.now.repos])
    followed.look()
    assert followed.told == 1, "nothing is new"
    followed.write("repos: []\n")
    assert (followed.names, followed.told) == ([], 2)


def test_a_file_is_read_only_once_nobody_writes_it(followed):
    followed.file.write_text("repos:\n  - name: si")
    followed.live.look()
    assert not followed.live.settled
    followed.file.write_text(SITE)
    followed.live.look()
    assert followed.names == []
    followed.live.look()
    assert (followed.names, followed.live.settled) == (["site"], True)


@pytest.mark.parametrize("text", ["repos: [", "repoz: []\n", "repos:\n  - name: site\n    url: ${NOT_SET}\n"])
def test_what_cannot_be_read_changes_nothing_and_is_said_once(followed, caplog, text):
    followed.write(SITE)
    caplog.clear()
    followed.write(SITE + "\n" + text if text.startswith("repoz") else text)
    followed.look()
    assert followed.names == ["site"]
    [said] = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert "The settings stay as they were" in said
    assert f"{followed.file}:" in said, "with its line"
    assert followed.live.problem in said
    followed.write(SITE)
    assert followed.live.problem == ""


def test_a_file_that_is_gone_takes_nothing_away(followed, caplog):
    followed.write(SITE)
    followed.file.unlink()
    followed.look()
    followed.look()
    assert followed.names == ["site"]
    assert "is gone" in followed.live.problem
    assert len([one for one in caplog.records if one.levelno == logging.ERROR]) == 1
    followed.write(SITE)
    assert (followed.names, followed.live.problem) == (["site"], "")


def test_what_is_taken_at_the_start_stays_and_is_named(followed, caplog):
    caplog.set_level(logging.INFO)
    followed.write("listen: 127.0.0.1:9000\nworkers: 3\nslo: {trigger: 9s}\n" + SITE)
    assert (followed.live.now.listen, followed.live.now.workers) == (Listen(), 0)
    assert (followed.live.now.slo.trigger_s, followed.names) == (9.0, ["site"])
    assert followed.live.restart == ("listen", "workers")
    assert "added site; until a restart these stay as they were: listen, workers" in caplog.text
    followed.write(SITE)
    assert followed.live.restart == ()


def test_no_word_of_the_log_is_a_secret(followed, caplog):
    caplog.set_level(logging.INFO)
    followed.write("repos:\n  - {name: site, url: 'https://ada:pa55@x/y', token: '${TOKEN}', secret: hush}\n")
    followed.write("repos:\n  - {name: site, url: 'https://ada:pa55@x/y', token: '${TOKEN}', secret: hush2}\n")
    assert "changed site" in caplog.text
    assert not any(word in caplog.text for word in ("pa55", "hush"))


ENTRY = {"name": "site", "url": "/srv/site"}


def test_an_edit_of_ours_holds_at_once_and_keeps_every_comment(followed):
    followed.write("# mine\nworkers: 2  # two\n")
    followed.live.edit(lambda text: add_repo(text, ENTRY))
    assert followed.names == ["site"]
    assert followed.file.read_text() == "# mine\nworkers: 2  # two\n\nrepos:\n  - name: site\n    url: /srv/site\n"
    told = followed.told
    followed.look()
    assert followed.told == told, "our own edit is no news"
    followed.live.edit(lambda text: remove_repo(text, "site"))
    assert followed.names == []


def test_an_edit_that_cannot_hold_leaves_the_file_alone(followed):
    followed.write(SITE)
    text = followed.file.read_text()
    for entry in (ENTRY, {"name": "other", "url": "/x", "token": "${NOT_SET}"}):
        with pytest.raises(SettingsError):
            followed.live.edit(lambda text, entry=entry: add_repo(text, entry))
    assert followed.file.read_text() == text
    assert followed.names == ["site"]


def test_a_first_edit_makes_the_file(followed):
    followed.live.edit(lambda text: add_repo(text, ENTRY))
    assert followed.names == ["site"]
    assert followed.file.stat().st_mode & 0o777 == 0o600


def test_settings_without_a_file_never_change(tmp_path):
    live = LiveSettings(replace(Settings(tmp_path), workers=4))
    (tmp_path / "treadle.yml").write_text(SITE)
    live.look()
    live.look()
    assert live.now.repos == ()
    with pytest.raises(SettingsError):
        live.edit(lambda text: text)
