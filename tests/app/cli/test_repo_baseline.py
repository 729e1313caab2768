"""From when on the commits of a repository are news."""

import subprocess
from pathlib import Path

from app.cli.main import main
from engine.control.mirrors import Mirrors
from engine.control.repo_ids import repo_id_of
from engine.control.triggers.refs import look
from engine.core.clock import SystemClock
from engine.settings.model import load
from engine.store.store import open_store

WHO = ["-c", "user.name=a", "-c", "user.email=a@localhost"]


def git(repo: Path, *words: str) -> None:
    subprocess.run(["git", "-C", repo, *WHO, *words], check=True, capture_output=True)


def test_a_commit_made_after_repo_add_runs_although_no_engine_had_looked_before(tmp_path: Path) -> None:
    repo, home = tmp_path / "repo", tmp_path / "home"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    git(repo, "commit", "-q", "--allow-empty", "-m", "before")
    assert main(["repo", "add", "site", str(repo), "--watch", "commits", "--home", str(home)]) == 0
    git(repo, "commit", "-q", "--allow-empty", "-m", "after")
    store, site = open_store(home), load(home, None, {}).repos[0]
    assert look(store, Mirrors(home), site, repo_id_of(store, site), "watch", SystemClock()).pushes == 1
    store.close()


def test_a_folder_that_is_no_repository_yet_is_added_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    assert main(["repo", "add", "later", str(tmp_path / "later"), "--home", str(tmp_path / "home")]) == 0
