"""The `github` context and what is read off it: the GITHUB_* variables, whose caches a run may see."""

from collections.abc import Mapping

from pipelines.json_value import Json
from pipelines.values import to_string

GITHUB = "https://github.com"


def github_context(
    *,
    repository: str,
    sha: str,
    ref: str,
    event_name: str,
    event: Mapping[str, Json],
    actor: str,
    workflow: str,
    workflow_path: str,
    run_id: int | str = "",
    run_number: int | str = "",
    run_attempt: int | str = 1,
    job: str = "",
    server_url: str = GITHUB,
    default_branch: str = "",
) -> dict[str, Json]:
    """Return the `github` context as far as it is known before a job starts: no paths, no token.

    `repository` is `OWNER/NAME` (the owner may be missing), `ref` a full one, `event` the payload. All but `event`
    are texts, as on GitHub. The default branch, if given, is added to a payload that does not name one.
    """
    owner, _, name = repository.rpartition("/")
    pull = event.get("pull_request")
    described: dict[str, Json] = {"full_name": repository, "name": name, "owner": {"login": owner}}
    if default_branch:
        described["default_branch"] = default_branch
    known = event.get("repository")
    payload = {**event, "repository": described | known if isinstance(known, dict) else described}
    payload.setdefault("sender", {"login": actor})
    api_url, graphql_url = f"{server_url}/api/v3", f"{server_url}/api/graphql"
    if server_url == GITHUB:
        api_url, graphql_url = "https://api.github.com", "https://api.github.com/graphql"
    return {
        "actor": actor,
        "api_url": api_url,
        "base_ref": _ref_of(pull, "base"),
        "event": payload,
        "event_name": event_name,
        "graphql_url": graphql_url,
        "head_ref": _ref_of(pull, "head"),
        "job": job,
        "ref": ref,
        "ref_name": short_ref(ref),
        "ref_protected": False,
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "repository": repository,
        "repository_owner": owner,
        "repositoryUrl": f"{server_url.replace('https://', 'git://', 1)}/{repository}.git",
        "run_attempt": str(run_attempt),
        "run_id": str(run_id),
        "run_number": str(run_number),
        "secret_source": "Actions",
        "server_url": server_url,
        "sha": sha,
        "triggering_actor": actor,
        "workflow": workflow,
        "workflow_ref": f"{repository}/{workflow_path}@{ref}",
        "workflow_sha": sha,
    }


def short_ref(ref: str) -> str:
    """Return a full ref without the folder that Git keeps it in: `a/b`, or `1/merge` of a pull request."""
    for folder in ("refs/heads/", "refs/tags/", "refs/pull/"):
        if ref.startswith(folder):
            return ref[len(folder) :]
    return ref


VARIABLES = (
    "actor api_url base_ref event_name graphql_url head_ref job ref ref_name ref_protected ref_type repository "
    "repository_owner run_attempt run_id run_number server_url sha triggering_actor workflow workflow_ref workflow_sha"
)


def default_variables(github: Mapping[str, Json], job: str = "") -> dict[str, str]:
    """Return the variables that every step finds: CI, GITHUB_ACTIONS and those GITHUB_* that repeat the context.

    `job` is the job's id, if the context does not say. Paths (GITHUB_WORKSPACE and the like) are the worker's to add.
    """
    told = {**github, "job": job or github.get("job")}
    repeated = {f"GITHUB_{name.upper()}": to_string(told.get(name)) for name in VARIABLES.split()}
    return {"CI": "true", "GITHUB_ACTIONS": "true"} | repeated


def cache_scopes(github: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the refs whose caches a run may see: its own, then its pull request's base, then the default branch."""
    event = github.get("event")
    repository = event.get("repository") if isinstance(event, dict) else None
    default = repository.get("default_branch") if isinstance(repository, dict) else None
    branches = [name for name in (github.get("base_ref"), default) if isinstance(name, str) and name]
    return tuple(dict.fromkeys([str(github.get("ref") or ""), *(f"refs/heads/{name}" for name in branches)]))


def _ref_of(pull: Json, side: str) -> str:
    end = pull.get(side) if isinstance(pull, dict) else None
    return to_string(end.get("ref")) if isinstance(end, dict) else ""
