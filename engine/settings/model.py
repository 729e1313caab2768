"""The server's configuration: what it holds, and its defaults. `treadle.yml` is read by `engine.settings.file`.

Every key has a default, so the file may be absent. A Settings never changes; a server that runs follows its file with
`engine.settings.live`.
"""

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from pipelines.records import dataclass

MIB, GIB = 1 << 20, 1 << 30
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Listen:
    """The TCP address of the HTTP server."""

    host: str = "127.0.0.1"
    port: int = 8484


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused or cut off: a delivery's body, events that wait, one attempt's log, one artifact, the index that
    logs are searched by (0: there is none)."""

    body_bytes: int = 25 * MIB
    backlog: int = 10_000
    log_bytes: int = GIB
    artifact_bytes: int = 2 * GIB
    search_bytes: int = GIB


@dataclass(frozen=True, slots=True)
class SnapshotRetention:
    """How many snapshots of each age are kept."""

    hourly: int = 24
    daily: int = 7
    weekly: int = 4


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is finished is kept; caches and checkpoints of jobs by size, the oldest go first.

    `per_workflow` is how many runs of each workflow are kept, `size_bytes` what all logs and artifacts may take; None
    is no such limit.
    """

    runs_s: float = 90 * DAY_S
    artifacts_s: float = 30 * DAY_S
    caches_bytes: int = 10 * GIB
    snapshots: SnapshotRetention = SnapshotRetention()
    per_workflow: int | None = None
    size_bytes: int | None = None
    checkpoints_bytes: int = 10 * GIB


@dataclass(frozen=True, slots=True)
class DiskFloor:
    """What has to stay free on the home's disk for jobs to be started: so many bytes, but of a small disk no more than
    this share."""

    size_bytes: int = GIB
    share: float = 0.05

    def of(self, total_bytes: int) -> int:
        """Return the floor of a disk of this size."""
        return min(self.size_bytes, int(self.share * total_bytes))


@dataclass(frozen=True, slots=True)
class HoldSettings:
    """How long the box of a step that failed stays for a person, how much memory all such boxes may use together, and
    the image of the shell beside a box that has none ('' for any that is here)."""

    ttl_s: float = 3600.0
    memory_bytes: int = 4 * GIB
    shell: str = ""


@dataclass(frozen=True, slots=True)
class SwarmSettings:
    """How jobs run on a Docker Swarm: where their tasks dial (None: where the manager advertises itself), the address
    to listen at if that is another, an overlay network that they join (None: their node's own bridge), placement
    constraints, how long a node may take to begin a task, how long a task lives on without a line to the engine, and
    the static busybox that images without means of their own are sent."""

    address: Listen | None = None
    listen: str | None = None
    network: str | None = None
    constraints: tuple[str, ...] = ()
    wait_s: float = 120.0
    lost_s: float = 600.0
    busybox: str | None = None


@dataclass(frozen=True, slots=True)
class Slo:
    """The promises that the SLO screen measures: push to first job, and the share of jobs that succeed in time."""

    trigger_s: float = 5.0
    completion: float = 0.95


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """What jobs that name an environment find: whether a person lets each in, from which `branches` (patterns, None:
    from everywhere), and the `vars` that they see there."""

    approval: bool = False
    branches: tuple[str, ...] | None = None
    vars: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RepoSettings:
    """One repository. `poll_s` is None when it is not polled; `watch` is commits, files or None.

    `secret` signs its deliveries, `token` reads private clones and writes commit statuses; neither is ever printed.
    `ssh_key` is the private key file for a url over ssh.
    `fork_prs` is never, approval or always; `forge` is auto, github, gitea, forgejo, gitlab or none. `vars` and
    `environments` (by name, in lower case) go before those of all repositories.
    """

    name: str
    url: str
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    ssh_key: str | None = None
    forge: str = "auto"
    poll_s: float | None = None
    watch: str | None = None
    fork_prs: str = "approval"
    allow_host: bool = False
    vars: Mapping[str, str] = field(default_factory=dict, hash=False)
    environments: Mapping[str, EnvironmentSettings] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Notify:
    """A URL that is told of a run's end. `on` is a subset of failed, fixed, success, cancelled."""

    url: str = field(repr=False)  # such URLs often carry their own key
    on: tuple[str, ...] = ("failed", "fixed")


def _default_labels() -> Mapping[str, str]:
    return {"ubuntu-latest": "catthehacker/ubuntu:act-latest"}


@dataclass(frozen=True, slots=True)
class Settings:
    """All of `treadle.yml`. `timeout_s` is for jobs that set none, `grace_s` lies between TERM and KILL.

    `public_url` is where people reach the server, without a slash at the end; commit statuses link there.
    `labels` maps what `runs-on` says to an image, or to `host`. `actions` says where actions are cloned from (see
    `engine.settings.actions`); `node` is a folder with bin/node for images that have none. `notes` are lines for a
    person: keys of the file that change nothing.
    """

    home: Path
    listen: Listen = Listen()
    public_url: str | None = None
    workers: int = 0
    executor: str = "docker"
    labels: Mapping[str, str] = field(default_factory=_default_labels)
    timeout_s: float = 3600.0
    grace_s: float = 10.0
    limits: Limits = Limits()
    retention: Retention = Retention()
    disk_floor: DiskFloor = DiskFloor()
    hold: HoldSettings = HoldSettings()
    swarm: SwarmSettings = SwarmSettings()
    slo: Slo = Slo()
    public_badges: bool = False
    actions: Mapping[str, str] = field(default_factory=dict)
    node: str | None = None
    vars: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, EnvironmentSettings] = field(default_factory=dict)
    repos: tuple[RepoSettings, ...] = ()
    notify: tuple[Notify, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def worker_count(self) -> int:
        """How many jobs run at once: `workers`, or as many as there are CPUs that this process may use."""
        if self.workers:
            return self.workers
        usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        return len(usable) or os.cpu_count() or 1

    def repo(self, name: str) -> RepoSettings | None:
        """Return the settings of one repository, or None."""
        return next((repo for repo in self.repos if repo.name == name), None)

    def vars_of(self, repo: str) -> dict[str, str]:
        """Return the `vars` that workflows of a repository see."""
        known = self.repo(repo)
        return {**self.vars, **(known.vars if known else {})}

    def environment(self, repo: str, name: str) -> EnvironmentSettings | None:
        """Return what is said of a repository's environment; None when nothing is: it has no gate then."""
        known = self.repo(repo)
        return (known.environments.get(name.lower()) if known else None) or self.environments.get(name.lower())

    def repo_called(self, text: str) -> RepoSettings | None:
        """Return the repository somebody means: by name, folder, or a last part of a name that one alone has."""
        if (named := self.repo(text)) is not None:
            return named
        found = [repo for repo in self.repos if text in (repo.name.rpartition("/")[2], repo.url)]
        return found[0] if len(found) == 1 else None


def default_home(environ: Mapping[str, str]) -> Path:
    """Return the home that the environment names: `TREADLE_HOME`, else `treadle` in the user's state folder."""
    if home := environ.get("TREADLE_HOME"):
        return Path(home).expanduser()
    state = environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):  # the specification has relative ones ignored
        return Path(state, "treadle")
    return Path(environ.get("HOME") or Path.home(), ".local", "state", "treadle")


def load(home: Path, config: Path | None, environ: Mapping[str, str], *, serves: bool = True) -> Settings:
    """Return the settings of `home`: from `config`, else from its `treadle.yml`, else the defaults.

    Who does not serve, and so neither takes deliveries nor tells anybody, may lack the variables of those secrets.
    Raises SettingsError, naming file, line and key, for an unknown key, a wrong value, a variable that is not set,
    or a `config` that is not there.
    """
    from engine.settings.file import read_settings

    path = config or home / "treadle.yml"
    if config is None and not path.exists() and not path.is_symlink():  # a link that leads nowhere was meant
        return Settings(home=home)
    return read_settings(home, path, environ, serves=serves)
