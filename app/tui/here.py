"""The repository that the terminal stands in: found, and added to the home's configuration."""

from pathlib import Path

from engine.core.errors import GitError
from engine.git.remote import local_path
from engine.git.repository import Repo, discover
from engine.settings.edit import add_repo, read_text, write_text
from engine.settings.model import Settings


def repository_here(folder: Path) -> Repo | None:
    """Return the repository that `folder` lies in; None where there is none that can be read, or only a bare one."""
    try:
        found = discover(folder)
    except GitError:
        return None
    return None if found is None or found.bare else found


def name_of(settings: Settings, repo: Repo) -> str | None:
    """Return what the configuration calls a working tree; None: it does not know it."""
    root = repo.root.resolve()
    for known in settings.repos:
        path = local_path(known.url)
        if path is not None and path.resolve() == root:
            return known.name
    return None


def add(settings: Settings, config: Path, repo: Repo) -> str:
    """Put a working tree into the configuration, its commits watched; return its name. Raises SettingsError."""
    taken = {known.name for known in settings.repos}
    name = next(name for name in (repo.name, *(f"{repo.name}-{n}" for n in range(2, 1000))) if name not in taken)
    write_text(config, add_repo(read_text(config), {"name": name, "url": str(repo.root.resolve()), "watch": "commits"}))
    return name
