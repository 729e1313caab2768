"""A repository as people give it, on the command line or over the API, as an entry of `repos:`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.core.errors import SettingsError
from engine.git.remote import local_path
from engine.settings.values import VARIABLE


def repo_entry(told: Mapping[str, Any]) -> dict[str, str]:
    """Return the lines of an entry of `repos:`, in the order in which they are documented.

    `told` has keys of an entry, but `secret_env` and `token_env`: the variables of the server's environment that hold
    secret and token. Raises SettingsError.
    """
    for key, value in told.items():
        if not str(value).isprintable():
            raise SettingsError(f"{key} holds what nobody can read.")
    for key in ("secret_env", "token_env"):
        if told.get(key) and not VARIABLE.fullmatch(f"${{{told[key]}}}"):
            raise SettingsError(f"{told[key]!r} is no name of a variable.")
    path = local_path(told["url"])
    if path is not None and "://" not in told["url"] and not Path(told["url"]).expanduser().is_absolute():
        raise SettingsError(f"{told['url']!r} is no whole path.", "Give one that begins with /.")
    lines = {
        **{key: told.get(key) for key in ("name", "url")},
        **{key: told.get(f"{key}_env") and f"${{{told[f'{key}_env']}}}" for key in ("secret", "token")},
        **{key: told.get(key) for key in ("ssh_key", "forge", "poll", "watch", "fork_prs")},
        "allow_host": "true" if told.get("allow_host") else None,
    }
    return {key: str(value) for key, value in lines.items() if value}
