"""Repositories put into `treadle.yml` and taken out again, by tables of files; nothing else may change."""

import json

import pytest

from engine.core.errors import SettingsError
from engine.settings.edit import add_repo, read_text, remove_repo, write_text
from engine.settings.model import load

ENTRY = {"name": "team/app", "url": "https://git.lan/team/app.git", "secret": "${APP_SECRET}", "poll": "60s"}
WRITTEN = """\
{0}- name: team/app
{0}  url: https://git.lan/team/app.git
{0}  secret: ${{APP_SECRET}}
{0}  poll: 60s
"""

FILES = {
    "empty": ("", "repos:\n" + WRITTEN.format("  ")),
    "comments only": ("# mine\n", "# mine\n\nrepos:\n" + WRITTEN.format("  ")),
    "no repos": ("workers: 2  # two\n", "workers: 2  # two\n\nrepos:\n" + WRITTEN.format("  ")),
    "no newline at the end": ("workers: 2", "workers: 2\n\nrepos:\n" + WRITTEN.format("  ")),
    "an empty key": ("repos: # none yet\nworkers: 2\n", "repos: # none yet\n" + WRITTEN.format("  ") + "workers: 2\n"),
    "an empty list": ("repos: []\nworkers: 2\n", "repos:\n" + WRITTEN.format("  ") + "workers: 2\n"),
    "an entry": (
        "repos:\n  - name: a\n    url: /a   # here\n\n# the rest\nworkers: 2\n",
        "repos:\n  - name: a\n    url: /a   # here\n" + WRITTEN.format("  ") + "\n# the rest\nworkers: 2\n",
    ),
    "no indent": (
        "repos:\n- name: a\n  url: /a\n  # about a\nworkers: 2\n",
        "repos:\n- name: a\n  url: /a\n  # about a\n" + WRITTEN.format("") + "workers: 2\n",
    ),
    "entries in braces": (
        "repos:\n    - {name: a, url: /a}\n    -\n      name: b\n      url: /b\n",
        "repos:\n    - {name: a, url: /a}\n    -\n      name: b\n      url: /b\n" + WRITTEN.format("    "),
    ),
    "Windows": ("workers: 2\r\n", "workers: 2\r\n\nrepos:\n" + WRITTEN.format("  ")),
}


@pytest.mark.parametrize("name", FILES)
def test_an_entry_goes_in_and_out_and_nothing_else_changes(name):
    before, after = FILES[name]
    assert add_repo(before, ENTRY) == after
    gone = remove_repo(after, "team/app")
    assert "team/app" not in gone
    kept = [line for line in before.splitlines() if line.strip() and not line.startswith("repos:")]
    assert [line for line in gone.splitlines() if line.strip() and not line.startswith("repos:")] == kept


@pytest.mark.parametrize(
    "text",
    ["repos: [{name: a, url: /a}]\n", "{workers: 2}\n", "workers: 2\n...\n", "  workers: 2\n  repos: []\n",
     "repos: &r []\nother: *r\n"],
)  # fmt: skip
def test_what_cannot_be_edited_safely_is_left_alone_and_the_person_is_told_what_to_write(text):
    with pytest.raises(SettingsError, match=r"Put this under `repos:` yourself:\n  - name: team/app"):
        add_repo(text, ENTRY)


def test_a_middle_entry_leaves_its_neighbours_comments():
    first, last = "repos:\n  # one\n  - name: a\n    url: /a\n  # two\n", "  # three\n  - name: c\n    url: /c\n"
    assert remove_repo(f"{first}  - name: b\n    url: /b\n    # of b\n{last}", "b") == first + last


def test_an_entry_that_another_leans_on_is_not_taken_away():
    text = "repos:\n  - name: a\n    url: &u /a\n  - name: b\n    url: *u\n"
    with pytest.raises(SettingsError, match="by hand"):
        remove_repo(text, "a")


def test_a_file_with_faults_is_not_touched():
    for text in ("a: [\n", "workers: 2\nworkers: 3\n", "- a\n"):
        with pytest.raises(SettingsError):
            add_repo(text, ENTRY)


@pytest.mark.parametrize(
    "entry",
    [{"name": "../x", "url": "/a"}, {"name": "a b", "url": "/a"}, {"name": "", "url": "/a"},
     {"name": "a", "url": "/a", "forge": "svn"}, {"name": "a", "url": "/a", "poll": "often"}],
)  # fmt: skip
def test_an_entry_that_means_nothing_is_refused(entry):
    with pytest.raises(SettingsError):
        add_repo("", entry)


def test_a_name_is_added_once():
    with pytest.raises(SettingsError, match="already"):
        add_repo(add_repo("", ENTRY), ENTRY)


@pytest.mark.parametrize("url", ["/srv/a b: c", "/srv/#x", "- x", "12", "ä", "user@host:a.git", "x:", "'", '"', "${U}"])
def test_any_url_is_written_so_that_it_reads_back(url, tmp_path):
    path = tmp_path / "treadle.yml"
    write_text(path, add_repo("", {"name": "12", "url": url}))
    [repo] = load(tmp_path, None, {"U": "url"}).repos
    assert (repo.name, repo.url) == ("12", "url" if url == "${U}" else url)


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode(tmp_path):
    path = tmp_path / "new" / "treadle.yml"
    write_text(path, "workers: 2\n")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    link = tmp_path / "link.yml"
    link.symlink_to(path)
    write_text(link, "workers: 3\n")
    assert link.is_symlink()
    assert read_text(path) == "workers: 3\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in path.parent.iterdir()] == ["treadle.yml"]
    assert read_text(tmp_path / "none.yml") == ""


def test_a_configuration_in_json_stays_json_and_says_the_rest_as_before():
    text = '{"workers": 2, "labels": {"busybox": "busybox:latest"}}'
    added = add_repo(text, {"name": "team/site", "url": "/srv/site", "allow_host": "true"})
    repos = [{"name": "team/site", "url": "/srv/site", "allow_host": True}]
    assert json.loads(added) == {**json.loads(text), "repos": repos}
    assert json.loads(remove_repo(added, "team/site")) == {**json.loads(text), "repos": []}
