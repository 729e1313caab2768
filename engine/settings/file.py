"""`treadle.yml`: the tables of its keys, which say how each value is read, and the file as a whole."""

import os
from collections.abc import Mapping
from pathlib import Path

from engine.core.errors import SettingsError
from engine.settings.model import (
    EnvironmentSettings,
    HoldSettings,
    Limits,
    Notify,
    RepoSettings,
    Retention,
    Settings,
    Slo,
    SnapshotRetention,
    SwarmSettings,
)
from engine.settings.values import (
    Reader,
    Setting,
    actions_map,
    address,
    count,
    duration,
    file_path,
    flag,
    floor,
    many,
    one_of,
    patterns,
    positive,
    section,
    section_fields,
    server_secret,
    share,
    size,
    text,
    text_map,
    unless_off,
    variables,
    web_address,
)
from pipelines.source import Mapping as Pairs
from pipelines.source import Scalar, SourceError, read

SNAPSHOTS = {"hourly": ("hourly", count), "daily": ("daily", count), "weekly": ("weekly", count)}
LIMITS = {
    "body": ("body_bytes", size),
    "backlog": ("backlog", count),
    "log": ("log_bytes", size),
    "artifact": ("artifact_bytes", size),
    "search": ("search_bytes", size),
}
RETENTION = {
    "runs": ("runs_s", duration),
    "artifacts": ("artifacts_s", duration),
    "caches": ("caches_bytes", size),
    "checkpoints": ("checkpoints_bytes", size),
    "snapshots": ("snapshots", section(SnapshotRetention, SNAPSHOTS)),
    "per_workflow": ("per_workflow", unless_off(positive)),
    "size": ("size_bytes", unless_off(size)),
}
SWARM = {
    "address": ("address", address),
    "listen": ("listen", text),
    "network": ("network", text),
    "constraints": ("constraints", many(text)),
    "wait": ("wait_s", duration),
    "lost": ("lost_s", duration),
    "busybox": ("busybox", file_path),
}
HOLD = {"ttl": ("ttl_s", duration), "memory": ("memory_bytes", size), "shell": ("shell", text)}
ENVIRONMENT = {
    "approval": ("approval", flag),
    "branches": ("branches", patterns),
    "vars": ("vars", variables),
}


def environments(setting: Setting) -> dict[str, EnvironmentSettings]:
    """Return environments by name, in lower case: they are compared so."""
    read_one = section(EnvironmentSettings, ENVIRONMENT)
    found = {}
    for name, value, _ in setting.pairs():
        empty = isinstance(value.node, Scalar) and value.node.value is None
        found[name.lower()] = EnvironmentSettings() if empty else read_one(value)
    return found


REPO = {
    "name": ("name", text),
    "url": ("url", text),
    "secret": ("secret", server_secret),
    "token": ("token", server_secret),
    "ssh_key": ("ssh_key", file_path),
    "forge": ("forge", one_of("auto", "github", "gitea", "forgejo", "gitlab", "none")),
    "poll": ("poll_s", unless_off(duration)),
    "watch": ("watch", unless_off(one_of("commits", "files"))),
    "fork_prs": ("fork_prs", one_of("never", "approval", "always")),
    "allow_host": ("allow_host", flag),
    "vars": ("vars", variables),
    "environments": ("environments", environments),
}
NOTIFY = {"url": ("url", server_secret), "on": ("on", many(one_of("failed", "fixed", "success", "cancelled")))}
KEYS: Mapping[str, tuple[str, Reader]] = {
    "listen": ("listen", address),
    "public_url": ("public_url", web_address),
    "workers": ("workers", count),
    "executor": ("executor", one_of("docker", "host", "swarm")),
    "labels": ("labels", text_map),
    "timeout": ("timeout_s", duration),
    "grace": ("grace_s", duration),
    "limits": ("limits", section(Limits, LIMITS)),
    "retention": ("retention", section(Retention, RETENTION)),
    "disk_floor": ("disk_floor", floor),
    "hold": ("hold", section(HoldSettings, HOLD)),
    "swarm": ("swarm", section(SwarmSettings, SWARM)),
    "slo": ("slo", section(Slo, {"trigger": ("trigger_s", duration), "completion": ("completion", share)})),
    "public_badges": ("public_badges", flag),
    "actions": ("actions", actions_map),
    "node": ("node", file_path),
    "vars": ("vars", variables),
    "environments": ("environments", environments),
    "repos": ("repos", many(section(RepoSettings, REPO, needed=("name", "url")))),
    "notify": ("notify", many(section(Notify, NOTIFY, needed=("url",)))),
}


def read_settings(home: Path, path: Path, environ: Mapping[str, str], *, serves: bool = True) -> Settings:
    """Return the settings that the file at `path` makes; see `model.load`. Raises SettingsError."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    return parse_settings(home, path, source, environ, serves=serves)


def parse_settings(
    home: Path, path: Path, source: bytes, environ: Mapping[str, str], *, serves: bool = True
) -> Settings:
    """Return the settings that a text makes; `path` is what complaints call it. Raises SettingsError."""
    if not any(line.strip() and not line.lstrip().startswith(b"#") for line in source.splitlines()):
        return Settings(home=home)
    try:
        document = read(source)
    except SourceError as error:
        raise SettingsError(error.finding.line_for(str(path))) from None
    if document.findings:
        raise SettingsError("\n".join(finding.line_for(str(path)) for finding in document.findings))
    root = Setting(path, document.root, "", environ, serves)
    if not isinstance(document.root, Pairs):
        root.fail("the configuration is a mapping of keys")
    fields = section_fields(root, KEYS)
    node = fields.get("node")
    notes = tuple(
        f"{path}:{line}: warning: node has no effect: there is no program {node}/bin/node"
        for name, _, line in root.pairs()
        if name == "node" and node and not os.access(f"{node}/bin/node", os.X_OK)
    )
    settings = Settings(home=home, notes=notes, **fields)
    names = [repo.name for repo in settings.repos]
    for name in names:
        if names.count(name) > 1:
            root.fail(f"repos has {name!r} twice.")
    return settings
