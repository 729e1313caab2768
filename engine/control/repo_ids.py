"""The row of a configured repository: made, and kept up to date, here alone. Bears no password, though its url may."""

from engine.git.remote import remote
from engine.settings.model import RepoSettings
from engine.store.store import Store


def repo_id_of(store: Store, repo: RepoSettings) -> int:
    """Return a configured repository's id, recording it or its new place."""
    source = remote(repo.url)
    return store.runs.repo(repo.name, str(source.local or ""), source.url)
