"""What a forge hears of a run: which state, in which words, and the one request that says so. Pure: sends nothing."""

import json
from collections.abc import Mapping
from dataclasses import field
from urllib.parse import quote, urlsplit

from engine.core.spans import span
from engine.core.ssh_urls import parts_of
from engine.core.states import RunStatus
from pipelines.records import dataclass

LONGEST = 140  # characters of a description that GitHub takes
KNOWN_HOSTS = {"github.com": "github", "gitlab.com": "gitlab", "codeberg.org": "forgejo"}
HOST_WORDS = ("github", "gitlab", "forgejo", "gitea")
HEARING = ("github", "gitea", "forgejo", "gitlab")

STATES: Mapping[str, Mapping[RunStatus, str]] = {
    "github": {
        RunStatus.PENDING: "pending",
        RunStatus.BLOCKED: "pending",
        RunStatus.QUEUED: "pending",
        RunStatus.RUNNING: "pending",
        RunStatus.SUCCESS: "success",
        RunStatus.SKIPPED: "success",
        RunStatus.FAILED: "failure",
        RunStatus.CANCELLED: "error",
    },
    "gitlab": {
        RunStatus.PENDING: "pending",
        RunStatus.BLOCKED: "pending",
        RunStatus.QUEUED: "pending",
        RunStatus.RUNNING: "running",
        RunStatus.SUCCESS: "success",
        RunStatus.SKIPPED: "success",
        RunStatus.FAILED: "failed",
        RunStatus.CANCELLED: "canceled",
    },
}
"""Gitea and Forgejo have GitHub's words."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands, as far as a forge is told. `failed` are the names of jobs that broke it, `good` its green jobs,
    `total` all but the skipped; `seconds` since it began (again). One whose only fault is that `patched` jobs succeeded
    in boxes that a person had hands on is told as failed: nobody knows what its commit does by itself."""

    status: RunStatus
    run_id: int
    good: int = 0
    total: int = 0
    failed: tuple[str, ...] = ()
    seconds: float = 0.0
    reason: str = ""
    patched: tuple[str, ...] = ()


def description(standing: Standing) -> str:
    """Return the words beside the state: `3/5 jobs, 1 m 20 s`, `failed: test`."""
    status, jobs = standing.status, f"{standing.good}/{standing.total} jobs"
    if status == RunStatus.BLOCKED:
        words = f"Waits for approval: treadle approve {standing.run_id}"
    elif status == RunStatus.PENDING:
        words = "Waits for its concurrency group"
    elif status == RunStatus.QUEUED:
        words = "Queued"
    elif status == RunStatus.RUNNING:
        words = f"Running, {jobs}"
    elif status == RunStatus.SKIPPED:
        words = "Nothing to do: every job was skipped"
    else:
        words = f"{jobs}, {span(standing.seconds)}"
        if status == RunStatus.CANCELLED:
            words += f"; {standing.reason or 'cancelled'}"
        elif standing.failed:
            words += f"; failed: {', '.join(standing.failed)}"
        elif standing.patched:
            words = f"patched by hand: {', '.join(standing.patched)}; {words}"
    words = " ".join(words.split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def hearing_forge(configured: str, url: str, source: str) -> str | None:
    """Return which forge hears of a repository's commits, None when that is nobody or cannot be told.

    `configured` is the repository's `forge:`; with `auto` it is who sent the event, else what the url's host is called.
    """
    if configured != "auto":
        return configured if configured in HEARING else None
    if source in HEARING:
        return source
    place = _web_place(url)
    if place is None:
        return None
    host = (urlsplit(place[0]).hostname or "").lower()
    return KNOWN_HOSTS.get(host) or next((word for word in HOST_WORDS if word in host), None)


def _web_place(url: str) -> tuple[str, str] | None:
    """Return the web address of a repository's server and the repository's path there; None for a path here.

    Of a url for ssh only the host is known; its API is taken to be at the usual port.
    """
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname:
        server, path = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path
    elif (found := parts_of(url)) is not None and ("://" in url or not found[1].startswith("/")):
        name, path = found[0].name, found[1]
        server = f"https://[{name}]" if ":" in name else f"https://{name}"
    else:
        return None
    path = path.strip("/").removesuffix(".git")
    return (server, path) if "/" in path else None


@dataclass(frozen=True, slots=True)
class Request:
    """One POST. `secret_headers` bear the token and are never shown."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def receiver(self) -> str:
        return receiver_of(self.url)


def receiver_of(url: str) -> str:
    """Return who hears what is sent to a url: its scheme, host and port, without what may be a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def status_url(forge: str, repo_url: str, sha: str) -> str | None:
    """Return where the status of a commit is told, None when the repository's url does not tell.

    GitHub on a host of its own and forges below a path are known by the clone url, of which the last two parts are
    the repository; GitLab's repositories may lie deeper, so GitLab below a path cannot be told.
    """
    place = _web_place(repo_url)
    if place is None:
        return None
    server, path = place
    if forge == "gitlab":
        return f"{server}/api/v4/projects/{quote(path, safe='')}/statuses/{sha}"
    *below, owner, name = path.split("/")
    base = "/".join([server, *below])
    repo = f"{quote(owner, safe='')}/{quote(name, safe='')}"
    if forge in ("gitea", "forgejo"):
        return f"{base}/api/v1/repos/{repo}/statuses/{sha}"
    api = "https://api.github.com" if urlsplit(server).hostname == "github.com" else f"{base}/api/v3"
    return f"{api}/repos/{repo}/statuses/{sha}"


def run_url(public_url: str | None, run_id: int) -> str | None:
    """Return where people see a run, None where the server has no address for people."""
    return f"{public_url}/runs/{run_id}" if public_url else None


def status_request(
    forge: str, url: str, token: str, context: str, status: RunStatus, words: str, target_url: str | None = None
) -> Request:
    """Return the request that sets the status `context` of the commit that `url` (of `status_url`) names.

    `target_url` is where who clicks it gets to.
    """
    state = STATES["gitlab" if forge == "gitlab" else "github"][status]
    said: dict[str, str] = {"state": state, "context": context, "description": words}
    if target_url:
        said["target_url"] = target_url
    if forge == "gitlab":
        return Request(url, _json(said), {}, {"PRIVATE-TOKEN": token})
    if forge == "github":
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return Request(url, _json(said), headers, {"Authorization": f"Bearer {token}"})
    return Request(url, _json(said), {}, {"Authorization": f"token {token}"})


def heard_before(forge: str, code: int, text: str) -> bool:
    """Tell whether an answer means that the forge has this status already: GitLab refuses to be told twice."""
    return forge == "gitlab" and code == 400 and "Cannot transition status" in text


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
