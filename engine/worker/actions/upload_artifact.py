"""actions/upload-artifact: files of the box become an artifact of the run.

The box is searched with its own `find` and packed with its own `tar`, because only it sees its merged file system.
Symbolic links are followed, as by the original: an artifact holds contents, never links; broken ones are left out.
"""

import os
import posixpath

from engine.worker.actions.exchange import Exchange
from engine.worker.actions.port import ActionError, ActionHost, Stores, boolean
from pipelines.artifact_names import artifact_name_error, artifact_path_error
from pipelines.globs import GlobError, PathGlobs, artifact_root, parse_globs

LIST_LIMIT_BYTES = 256 << 20

# A folder that cannot be read, or a link that goes in circles, is said in the log and does not stop the rest.
FIND = """
: >"$FOUND"
while IFS= read -r root; do
  [ -e "$root" ] || continue
  if [ "$HIDDEN" = true ]; then
    find -L "$root" -type f -print0 >>"$FOUND" || :
  else
    find -L "$root" -name '.*' -prune -o -type f -print0 >>"$FOUND" || :
  fi
done <"$ROOTS"
"""

# Many files make several archives, one after another. Exit code 1 of GNU tar means that a file grew while it was
# read: it is taken as it was.
PACK = """
case $(tar --version 2>&1) in *'GNU tar'*) GROWN=1 PLAIN=--no-unquote ;; *) GROWN=none PLAIN= ;; esac
export GROWN PLAIN
{
  xargs -0 sh -c 'tar -c -h -f - -C "$ROOT" $PLAIN "$@" || [ $? = "$GROWN" ]' sh <"$NAMES" && rc=0 || rc=$?
  echo "$rc" >"$RESULT"
} | head -c "$BUDGET" >"$TAR"
read -r rc <"$RESULT"
exit "$rc"
"""


def run(host: ActionHost, stores: Stores) -> bool:
    """Find, pack and keep the files; with none, do what `if-no-files-found` says."""
    name = host.inputs.get("name", "") or "artifact"
    if wrong := artifact_name_error(name):
        raise ActionError(wrong)
    when_none = host.inputs.get("if-no-files-found", "").strip() or "warn"
    if when_none not in ("warn", "error", "ignore"):
        raise ActionError(f"The input `if-no-files-found` has to be warn, error or ignore, not {when_none!r}.")
    days = _number(host, "retention-days", 0, 0, 3650)
    level = _number(host, "compression-level", 6, 0, 9)
    overwrite = boolean(host, "overwrite", False)
    hidden = boolean(host, "include-hidden-files", False)
    paths = host.inputs.get("path", "")
    try:
        globs = parse_globs(paths, host.workspace, host.home_dir if "~" in paths else "/")
    except GlobError as error:
        raise ActionError(str(error)) from None
    if not globs.patterns:
        raise ActionError("The input `path` is required and is empty.")

    with Exchange(host) as exchange:
        files = _find(host, exchange, globs, hidden)
        if not files:
            text = f"No files were found with the provided path: {paths.strip()}. No artifacts will be uploaded."
            if when_none == "ignore":
                host.say(text)
            else:
                host.annotate("error" if when_none == "error" else "warning", text)
            return when_none != "error"
        root = artifact_root(globs.search_roots, files)
        names = [posixpath.relpath(file, root) for file in files]
        if wrong := next(filter(None, map(artifact_path_error, names)), None):
            raise ActionError(wrong)
        host.say(f"With the provided path, there will be {len(files)} file{'s' * (len(files) != 1)} uploaded")
        tar_name = _pack(host, exchange, root, names, stores.artifact_limit_bytes)
        with exchange.open(tar_name) as tar:
            artifact = stores.artifacts.save_tar(
                host.run_id,
                host.job_id,
                host.attempt,
                name,
                tar,
                stores.artifact_limit_bytes,
                overwrite=overwrite,
                level=level,
                retention_days=days or None,
            )
    host.say(f"Artifact {name} is kept: {artifact.extent}, id {artifact.id}")
    host.output("artifact-id", str(artifact.id))
    host.output("artifact-url", "")
    host.output("artifact-digest", artifact.digest)
    return True


def _find(host: ActionHost, exchange: Exchange, globs: PathGlobs, hidden: bool) -> list[str]:
    roots = os.fsencode("".join(f"{root}\n" for root in globs.search_roots))
    found = exchange.fresh()
    env = {
        "ROOTS": exchange.write(exchange.fresh(), roots),
        "FOUND": exchange.inside(found),
        "HIDDEN": "true" if hidden else "false",
    }
    if code := host.shell(FIND, env):
        raise ActionError(f"The files could not be searched (exit code {code}).", "The image needs sh and find.")
    listed = os.fsdecode(exchange.read(found, LIST_LIMIT_BYTES)).split("\0")
    return sorted({path for path in listed if path and globs.matches(path)})


def _pack(host: ActionHost, exchange: Exchange, root: str, names: list[str], limit_bytes: int) -> str:
    """Have the box pack its files; return the name of the tar. Never lets it grow far beyond the limit."""
    listing = os.fsencode("".join(f"./{name}\0" for name in names))
    budget = limit_bytes + (1 << 14) * (len(names) + 4)  # headers, and each archive's own padding
    tar = exchange.fresh()
    env = {
        "ROOT": root,
        "NAMES": exchange.write(exchange.fresh(), listing),
        "RESULT": exchange.inside(exchange.fresh()),
        "TAR": exchange.inside(tar),
        "BUDGET": str(budget),
    }
    code = host.shell(PACK, env)
    with exchange.open(tar) as packed:
        if packed.seek(0, os.SEEK_END) >= budget:
            raise ActionError(
                f"The artifact is larger than the limit of {limit_bytes} bytes.",
                "Raise `limits: {artifact: …}` in treadle.yml, or upload less.",
            )
    if code != 0:
        raise ActionError(f"The files could not be packed (exit code {code}).", "The image needs tar, xargs and head.")
    return tar


def _number(host: ActionHost, name: str, default: int, low: int, high: int) -> int:
    text = host.inputs.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ActionError(f"The input `{name}` has to be a whole number from {low} to {high}, not {text!r}.")
    return int(text)
