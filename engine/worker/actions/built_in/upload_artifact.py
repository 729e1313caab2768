"""actions/upload-artifact: files of the box become an artifact of the run.

The box is searched with its own `find` and packed with its own `tar`, because only it sees its merged file system.
A symbolic link to what the artifact holds anyway is kept as a link, so that it unpacks to the same tree; any other is
followed, as by the original, and broken ones are left out.
"""

import os
import posixpath
from bisect import bisect_left
from collections.abc import Mapping

from engine.store.contents.artifacts import stays_inside
from engine.worker.actions.exchange import Exchange
from engine.worker.actions.port import ActionError, ActionHost, Stores, boolean
from pipelines.artifact_names import artifact_name_error, artifact_path_error
from pipelines.globs import GlobError, PathGlobs, artifact_root, parse_globs

LIST_LIMIT_BYTES = 256 << 20

# A folder that cannot be read, or a link that goes in circles, is said in the log and does not stop the rest.
# LINKS gets each link and where it leads; without `readlink` they are followed.
FIND = """
: >"$FOUND"
: >"$LINKS"
case $(find --version 2>&1) in *GNU*) GNU=true ;; *) GNU= ;; esac
links() {
  if [ "$GNU" ]; then find -H "$@" -type l -printf '%p\\0%l\\0'
  else find -H "$@" -type l -print0 | xargs -0 sh -c 'for l; do printf "%s\\0%s\\0" "$l" "$(readlink "$l")"; done' sh
  fi
}
while IFS= read -r root; do
  [ -e "$root" ] || continue
  if [ "$HIDDEN" = true ]; then
    find -L "$root" -type f -print0 >>"$FOUND" || :
    links "$root" >>"$LINKS" 2>/dev/null || :
  else
    find -L "$root" -name '.*' -prune -o -type f -print0 >>"$FOUND" || :
    links "$root" -name '.*' -prune -o >>"$LINKS" 2>/dev/null || :
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
  if [ "$rc" = 0 ] && [ -s "$LINKS" ]; then
    xargs -0 sh -c 'tar -c -f - -C "$ROOT" $PLAIN "$@"' sh <"$LINKS" || rc=$?
  fi
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
        files, links = _find(host, exchange, globs, hidden)
        if not files:
            text = f"No files were found with the provided path: {paths.strip()}. No artifacts will be uploaded."
            if when_none == "ignore":
                host.say(text)
            else:
                host.annotate("error" if when_none == "error" else "warning", text)
            return when_none != "error"
        root = artifact_root(globs.search_roots, files)
        names, kept = apart(
            [posixpath.relpath(file, root) for file in files],
            {posixpath.relpath(link, root): target for link, target in links.items()},
        )
        if wrong := next(filter(None, map(artifact_path_error, [*names, *kept])), None):
            raise ActionError(wrong)
        count = len(names) + len(kept)
        host.say(f"With the provided path, there will be {count} file{'s' * (count != 1)} uploaded")
        tar_name = _pack(host, exchange, root, names, kept, stores.artifact_limit_bytes)
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


def apart(names: list[str], links: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return which of the names, found over links, are to be packed as files, and which links as links: those that lead
    to something that is packed, by ways within the artifact alone."""
    inner = {
        link: posixpath.normpath(posixpath.join(posixpath.dirname(link), target))
        for link, target in links.items()
        if not link.startswith("../") and stays_inside(link, target)
    }
    found = sorted(names)
    # A link to a folder that it is in: some tools follow it on and on.
    round_ = {link for link, to in inner.items() if to == "." or link == to or link.startswith(f"{to}/")}
    found = _without(found, round_)
    known = frozenset(found)
    kept = {link for link, to in inner.items() if link not in round_ and _same(link, to, found, known)}
    return _without(found, kept), sorted(kept)


def _same(link: str, to: str, found: list[str], known: frozenset[str]) -> bool:
    """Is all that was found over a link found where it leads, too?"""
    if link in known:
        return to in known
    below = _below(link, found)
    return bool(below) and all(f"{to}/{name[len(link) + 1 :]}" in known for name in below)


def _without(found: list[str], links: set[str]) -> list[str]:
    gone = {name for link in links for name in (link, *_below(link, found))}
    return [name for name in found if name not in gone]


def _below(folder: str, names: list[str]) -> list[str]:
    """Return those of sorted names that are in a folder."""
    return names[bisect_left(names, f"{folder}/") : bisect_left(names, f"{folder}0")]  # `0` comes after `/`


def _find(host: ActionHost, exchange: Exchange, globs: PathGlobs, hidden: bool) -> tuple[list[str], dict[str, str]]:
    """Return the files that the patterns mean, over links too, and all links with where they lead."""
    roots = os.fsencode("".join(f"{root}\n" for root in globs.search_roots))
    found, links = exchange.fresh(), exchange.fresh()
    env = {
        "ROOTS": exchange.write(exchange.fresh(), roots),
        "FOUND": exchange.inside(found),
        "LINKS": exchange.inside(links),
        "HIDDEN": "true" if hidden else "false",
    }
    if code := host.shell(FIND, env):
        raise ActionError(f"The files could not be searched (exit code {code}).", "The image needs sh and find.")
    listed = os.fsdecode(exchange.read(found, LIST_LIMIT_BYTES)).split("\0")
    told = os.fsdecode(exchange.read(links, LIST_LIMIT_BYTES)).split("\0")
    leads = dict(zip(told[::2], told[1::2], strict=False))
    return sorted({path for path in listed if path and globs.matches(path)}), leads


def _pack(host: ActionHost, exchange: Exchange, root: str, names: list[str], links: list[str], limit_bytes: int) -> str:
    """Have the box pack its files and links; return the name of the tar. Never lets it grow far beyond the limit."""
    listing, linking = (os.fsencode("".join(f"./{name}\0" for name in some)) for some in (names, links))
    budget = limit_bytes + (1 << 14) * (len(names) + len(links) + 4)  # headers, and each archive's own padding
    tar = exchange.fresh()
    env = {
        "ROOT": root,
        "NAMES": exchange.write(exchange.fresh(), listing),
        "LINKS": exchange.write(exchange.fresh(), linking),
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
