"""The rows of configured repositories."""

from pathlib import Path

from engine.control.repo_ids import repo_id_of
from engine.settings.model import RepoSettings
from engine.store.repos import known_repo
from tests.engine.fakes import Lab


def test_a_password_in_a_url_reaches_no_row(lab: Lab) -> None:
    ident = repo_id_of(lab.store, RepoSettings("team/site", "https://ada:hush@git.example/team/site.git"))
    found = known_repo("team/site")
    assert found is not None
    assert (found.id, found.path, found.url) == (ident, "", "https://git.example/team/site.git")


def test_a_repository_that_is_looked_at_again_is_written_once(lab: Lab, tmp_path: Path) -> None:
    repo = RepoSettings("team/site", str(tmp_path))
    ident = repo_id_of(lab.store, repo)
    with lab.store.database.write():
        changes = lab.store.database.rows("SELECT total_changes()")
        assert repo_id_of(lab.store, repo) == ident
        assert lab.store.database.rows("SELECT total_changes()") == changes
    assert repo_id_of(lab.store, RepoSettings("team/site", str(tmp_path / "other"))) == ident
    found = known_repo("team/site")
    assert found is not None and found.path == str(tmp_path / "other")
