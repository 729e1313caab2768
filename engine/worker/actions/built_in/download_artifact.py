"""actions/download-artifact: artifacts of the run become files of the box."""

import posixpath
import re

from engine.store.contents.artifacts import Artifacts
from engine.store.contents.manifest import Artifact
from engine.worker.actions.exchange import Exchange
from engine.worker.actions.port import ActionError, ActionHost, Stores, boolean
from pipelines.globs import parse_globs

UNPACK = """
mkdir -p "$DEST"
tar -xof "$TAR" -C "$DEST"
"""


def run(host: ActionHost, stores: Stores) -> bool:
    """Unpack one artifact into `path`, or several, each into its own folder there unless `merge-multiple`."""
    name = host.inputs.get("name", "")
    ids = host.inputs.get("artifact-ids", "").strip()
    merge = boolean(host, "merge-multiple", False)
    if name and ids:
        raise ActionError("The inputs `name` and `artifact-ids` cannot be used together.")
    if (run_id := host.inputs.get("run-id", "").strip()) and run_id != str(host.run_id):
        raise ActionError(f"Artifacts of another run ({run_id}) cannot be downloaded, only those of this run.")
    repository = host.inputs.get("repository", "").strip()
    if repository and repository.lower() != host.repo_name.lower():
        raise ActionError(f"Artifacts of another repository ({repository}) cannot be downloaded.")
    chosen = _choose(host, stores.artifacts, name, ids)
    dest = _destination(host)
    apart = not name and not merge and not (ids and len(chosen) == 1)
    for artifact in chosen:
        _unpack(host, stores.artifacts, artifact, posixpath.join(dest, artifact.name) if apart else dest)
    host.say(f"{len(chosen)} artifact{'' if len(chosen) == 1 else 's'} downloaded")
    host.output("download-path", dest)
    return True


def _choose(host: ActionHost, artifacts: Artifacts, name: str, ids: str) -> list[Artifact]:
    if name:
        found = artifacts.get(host.run_id, name)
        if found is None:
            have = ", ".join(artifact.name for artifact in artifacts.list(host.run_id)) or "none"
            raise ActionError(f"Artifact not found for name: {name}.", f"This run has: {have}.")
        return [found]
    every = artifacts.list(host.run_id)
    if ids:
        wanted = {part.strip() for part in ids.split(",") if part.strip()}
        chosen = [artifact for artifact in every if str(artifact.id) in wanted]
        if missing := wanted - {str(artifact.id) for artifact in chosen}:
            raise ActionError(f"Artifact not found for id: {', '.join(sorted(missing))}.")
        return chosen
    pattern = host.inputs.get("pattern", "")
    if not pattern:
        return every
    globs = [parse_globs(f"/{text}", "/", "/") for text in _braces(pattern)]
    return [artifact for artifact in every if any(glob.matches(f"/{artifact.name}") for glob in globs)]


def _unpack(host: ActionHost, artifacts: Artifacts, artifact: Artifact, dest: str) -> None:
    with Exchange(host) as exchange:
        name = exchange.fresh()
        with exchange.create(name) as tar:
            artifacts.write_tar(artifact, tar)
        host.say(f"Artifact {artifact.name}: {artifact.extent}, into {dest}")
        if code := host.shell(UNPACK, {"TAR": exchange.inside(name), "DEST": dest}):
            raise ActionError(f"Artifact {artifact.name} could not be unpacked (exit code {code}).")


def _destination(host: ActionHost) -> str:
    path = host.inputs.get("path", "").strip()
    if path == "~" or path.startswith("~/"):
        path = host.home_dir + path[1:]
    return posixpath.normpath(posixpath.join(host.workspace, path))


def _braces(pattern: str) -> list[str]:
    """Expand `a{b,c}` to `ab` and `ac`, as for names on GitHub."""
    found = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if found is None:
        return [pattern]
    ways = (pattern[: found.start()] + way + pattern[found.end() :] for way in found[1].split(","))
    return [text for way in ways for text in _braces(way)]
