"""The secrets of a home as JSON: names only. What is asked of them is told in the same shape."""

from datetime import datetime
from typing import Any

from engine.core.clock import rfc3339
from engine.core.errors import EngineError, NotThere
from engine.store.repos import known_repos
from engine.store.store import Store
from engine.store.vault import ALL


def secrets_view(store: Store, repo_id: int | None = None) -> list[dict[str, Any]]:
    """Return [{`name`, `repo` (null: of all), `environment` (null: for every job), `updated_at`}], of one or all."""
    names, found = _names(), []
    for one in store.vault.list(repo_id):
        told = _shape(one.name, names.get(one.repo_id, str(one.repo_id)), one.environment)
        found.append(told | {"updated_at": rfc3339(one.updated_at)})
    return found


def keep_secret(
    store: Store, repo_id: int, name: str, value: str, environment: str | None, now: datetime
) -> dict[str, Any]:
    """Keep a secret of a repository, or of ALL, in place of one of the same name; return it without its value.

    Raises EngineError for what can be no secret, without repeating the value.
    """
    try:
        store.vault.set(repo_id, name, value, now, environment or "")
    except ValueError as error:
        raise EngineError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    return _shape(name.upper(), _names().get(repo_id, str(repo_id)), environment)


def forget_secret(store: Store, repo_id: int, name: str, environment: str | None) -> dict[str, Any]:
    """Forget a secret; return which. Raises NotThere."""
    repo = _names().get(repo_id, str(repo_id))
    if not store.vault.remove(repo_id, name.upper(), environment or ""):
        whose = (f" of {repo}" if repo else "") + (f" in {environment[:200]}" if environment else "")
        raise NotThere(f"There is no secret {name.upper()[:200]}{whose}.", "`treadle secret list` shows them.")
    return _shape(name.upper(), repo, environment) | {"removed": True}


def _names() -> dict[int, str | None]:
    """Return what each repository is called, by its id; ALL has no name."""
    return {repo.id: repo.name for repo in known_repos()} | {ALL: None}


def _shape(name: str, repo: str | None, environment: str | None) -> dict[str, Any]:
    return {"name": name, "repo": repo, "environment": environment or None}
