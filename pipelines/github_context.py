"""The `github` context, the GITHUB_* variables and the typed `inputs`, built from facts that the caller knows."""

import math
from collections.abc import Mapping
from difflib import get_close_matches

from pipelines.json_value import Json
from pipelines.model import Input, Trigger
from pipelines.template import resolve
from pipelines.values import to_number, to_string

GITHUB = "https://github.com"


class InputError(ValueError):
    """Inputs that a workflow does not take; the message holds a sentence for each that is wrong."""


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


def dispatch_inputs(trigger: Trigger, given: Mapping[str, str]) -> dict[str, Json]:
    """Return the `inputs` context of a run by hand: what was given, typed, and the defaults for the rest.

    An input that is neither given nor has a default is false, 0 or empty. Raises InputError.
    """
    complaints = [_unknown(name, trigger.inputs) for name in given if name not in trigger.inputs]
    inputs: dict[str, Json] = {}
    for name, declared in trigger.inputs.items():
        try:
            inputs[name] = _input(declared, given.get(name))
        except InputError as error:
            complaints.append(str(error))
    if complaints:
        raise InputError("\n".join(complaints))
    return inputs


def _input(declared: Input, given: str | None) -> Json:
    value: Json = given
    if given is None and declared.default is not None:
        value = resolve(declared.default, {})
    if value is None or (value == "" and declared.required):
        if declared.required:
            raise InputError(f"The input {declared.name!r} is required.")
        return {"boolean": False, "number": 0}.get(declared.type, "")
    return _typed(declared, to_string(value))


def _typed(declared: Input, text: str) -> Json:
    if declared.type == "boolean":
        if text.lower() not in ("true", "false"):
            raise InputError(f"The input {declared.name!r} is true or false, not {text!r}.")
        return text.lower() == "true"
    if declared.type == "number":
        number = to_number(text)
        if not text.strip() or math.isnan(number):
            raise InputError(f"The input {declared.name!r} is a number, not {text!r}.")
        return number
    if declared.type == "choice" and text not in declared.options:
        raise InputError(f"The input {declared.name!r} is one of {', '.join(declared.options)}, not {text!r}.")
    return text


def _unknown(name: str, known: Mapping[str, Input]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f"There is no input {name!r}. Did you mean {near[0]!r}?"
    return f"There is no input {name!r}; " + (f"there are {', '.join(known)}." if known else "the workflow takes none.")


def _ref_of(pull: Json, side: str) -> str:
    end = pull.get(side) if isinstance(pull, dict) else None
    return to_string(end.get("ref")) if isinstance(end, dict) else ""


def cache_scopes(github: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the refs whose caches a run may see: its own, then its pull request's base, then the default branch."""
    event = github.get("event")
    repository = event.get("repository") if isinstance(event, dict) else None
    default = repository.get("default_branch") if isinstance(repository, dict) else None
    branches = [name for name in (github.get("base_ref"), default) if isinstance(name, str) and name]
    return tuple(dict.fromkeys([str(github.get("ref") or ""), *(f"refs/heads/{name}" for name in branches)]))
