"""What `actions/cache` keeps in a home, as JSON, and its removal by id or key."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.core.clock import rfc3339
from engine.store.contents.caches import Cache, caches_of


def caches_view(home: Path, repo: str | None = None) -> list[dict[str, Any]]:
    """Return [{`id`, `repo`, `ref`, `key`, `size_bytes`, `stored_bytes`, `created_at`, `used_at`}], the one used last
    first."""
    return _told(caches_of(home).list(repo))


def remove_caches(home: Path, name: str, repo: str | None = None) -> list[dict[str, Any]]:
    """Forget the entries whose id or key it is, on all branches; return them."""
    caches = caches_of(home)
    found = [one for one in caches.list(repo) if name in (one.id, one.key)]
    for one in found:
        caches.remove(one)
    return _told(found)


def _told(found: Sequence[Cache]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "repo": one.repo,
            "ref": one.scope,
            "key": one.key,
            "size_bytes": one.size_bytes,
            "stored_bytes": one.stored_bytes,
            "created_at": rfc3339(one.created_at),
            "used_at": rfc3339(one.used_at),
        }
        for one in found
    ]
