"""What is recorded of a repository that a person names."""

from pathlib import Path

from app.views.repos import repo_id_of
from engine.settings.model import RepoSettings, Settings
from engine.store.repos import known_repo
from tests.engine.fakes import Lab


def test_a_password_in_a_url_reaches_no_row_when_a_person_names_the_repository(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "home")
    site = RepoSettings("team/site", "https://ann:s3cret@git.example/team/site.git")
    ident = repo_id_of(lab.store, Settings(lab.store.home, repos=(site,)), "team/site")
    known = known_repo("team/site")
    assert known is not None and known.id == ident
    assert "s3cret" not in known.url + known.path
    lab.close()
