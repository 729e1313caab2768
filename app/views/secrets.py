"""The secrets of a home as JSON: names only."""

from typing import Any

from engine.core.clock import rfc3339
from engine.store.repos import known_repos
from engine.store.store import Store
from engine.store.vault import ALL


def secrets_view(store: Store, repo_id: int | None = None) -> list[dict[str, Any]]:
    """Return [{`name`, `repo` (null: of all), `environment` (null: for every job), `updated_at`}], of one or all."""
    names = {repo.id: repo.name for repo in known_repos()}
    return [
        {
            "name": one.name,
            "repo": None if one.repo_id == ALL else names.get(one.repo_id, str(one.repo_id)),
            "environment": one.environment or None,
            "updated_at": rfc3339(one.updated_at),
        }
        for one in store.vault.list(repo_id)
    ]
