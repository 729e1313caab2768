"""actions/cache, cache/restore and cache/save: files of the box kept from one run for the next, on this machine.

The box packs and unpacks with its own tar, for only it sees its files. Paths are kept as they are: below the workspace
relative to it, elsewhere from the root, so that a cache of `~/.cache` comes back to where it was.
"""

import hashlib
import json
import os
import posixpath
from contextlib import ExitStack

from engine.core.errors import EngineError
from engine.store.contents.caches import Cache, CacheDamaged
from engine.worker.actions.exchange import Exchange
from engine.worker.actions.port import ActionError, ActionHost, Stores, boolean
from pipelines.globs import GlobError, PathGlobs, is_below, parse_globs

LONGEST_KEY = 512
MOST_RESTORE_KEYS = 10
LIST_LIMIT_BYTES = 256 << 20
MOST_NAMES_BYTES = 100_000  # what one command line holds everywhere: several would make several archives

FIND = """
: >"$FOUND"
while IFS= read -r root; do
  if [ -e "$root" ] || [ -L "$root" ]; then find "$root" -print0 >>"$FOUND" || :; fi
done <"$ROOTS"
"""
LOOK = """
: >"$FOUND"
while IFS= read -r root; do
  if [ -e "$root" ] || [ -L "$root" ]; then printf '%s\\0' "$root" >>"$FOUND"; fi
done <"$ROOTS"
"""
# A file that changes while it is read is taken as it was (exit code 1 of GNU's tar).
PACK = """
case $(tar --version 2>&1) in *'GNU tar'*) GROWN=1 PLAIN=--no-unquote ;; *) GROWN=none PLAIN= ;; esac
export GROWN PLAIN
{
  xargs -0 sh -c 'tar -c -f - -C "$FOLDER" $PLAIN "$@" || [ $? = "$GROWN" ]' sh <"$NAMES" && rc=0 || rc=$?
  echo "$rc" >"$RESULT"
} | head -c "$BUDGET" >"$TAR"
read -r rc <"$RESULT"
exit "$rc"
"""
UNPACK = 'mkdir -p "$FOLDER"\ntar -x -f "$TAR" -C "$FOLDER"\n'
WORKSPACE, ROOT = "workspace", "root"  # what a tar's names are relative to


def restore(host: ActionHost, stores: Stores) -> bool:
    """Bring back what an earlier run kept, and say by its outputs whether that was the key itself."""
    key, keys = _keys(host)
    globs = _globs(host)
    host.saved["key"] = key
    host.output("cache-primary-key", key)
    entry = _find(host, stores, keys, globs)
    if entry is not None and not boolean(host, "lookup-only", False):
        entry = _unpack(host, stores, entry)
    if entry is None:
        text = f"Cache not found for input keys: {', '.join(keys)}"
        if boolean(host, "fail-on-cache-miss", False):
            raise ActionError(f"Failed to restore cache entry. Exiting as fail-on-cache-miss is set. {text}")
        host.say(text)
        return True
    exact = entry.key == key
    host.saved["matched"] = entry.key
    host.output("cache-hit", "true" if exact else "false")
    host.output("cache-matched-key", entry.key)
    found = "found and can be restored" if boolean(host, "lookup-only", False) else "restored"
    host.say(f"Cache {found} from key: {entry.key} ({entry.size_bytes} bytes, of {entry.scope})")
    return True


def save_after(host: ActionHost, stores: Stores) -> bool:
    """Keep the files once the job has succeeded, unless they came from this very key. A failure is a warning."""
    key = host.saved.get("key", "")
    if not key:
        host.say("There is no key to keep anything under: the step did not come that far.")
        return True
    if host.saved.get("matched") == key:
        host.say(f"Cache hit occurred on the primary key {key}, not saving cache.")
        return True
    try:
        _save(host, stores, key)
    except EngineError as error:
        host.annotate("warning", str(error))
    return True


def save(host: ActionHost, stores: Stores) -> bool:
    """Keep the files now. A failure is a warning, as with the original."""
    try:
        _save(host, stores, _key(host))
    except EngineError as error:
        host.annotate("warning", str(error))
    return True


def _save(host: ActionHost, stores: Stores, key: str) -> None:
    globs = _globs(host)
    version, scope = _version(globs), host.scopes[0]
    if stores.caches.has(host.repo_name, scope, key, version):
        host.say(f"The cache {key} is there already, and stays as it is: a key is kept once.")
        return
    with Exchange(host) as exchange:
        paths = _paths(host, exchange, globs)
        if not paths:
            raise ActionError(
                "Path Validation Error: Path(s) specified in the action for caching do(es) not exist, "
                "hence no cache is being saved."
            )
        limit_bytes, tars = stores.caches_limit_bytes, {}
        with ExitStack() as opened:
            for place, names in paths.items():
                tars[place] = opened.enter_context(exchange.open(_pack(host, exchange, place, names, limit_bytes)))
            entry = stores.caches.save(host.repo_name, scope, key, version, tars)
    if entry is None:
        host.say(f"The cache {key} is not kept: another job has kept it meanwhile.")
        return
    host.say(f"Cache saved with key: {key} ({entry.size_bytes} bytes, {entry.stored_bytes} on the disk)")
    for gone in stores.caches.make_room(stores.caches_limit_bytes):
        host.say(f"The cache {gone.key} of {gone.repo} went to make room.")


def _find(host: ActionHost, stores: Stores, keys: list[str], globs: PathGlobs) -> Cache | None:
    return stores.caches.find(host.repo_name, host.scopes, keys, _version(globs))


def _unpack(host: ActionHost, stores: Stores, entry: Cache) -> Cache | None:
    """Lay the files down; None when the entry is damaged, which then goes."""
    with Exchange(host) as exchange:
        handed = {}
        try:
            for place in entry.tars:
                name = exchange.fresh()
                with exchange.create(name) as tar:
                    tar.writelines(stores.caches.read(entry, place))
                handed[place] = exchange.inside(name)
        except CacheDamaged as error:
            stores.caches.remove(entry)
            host.annotate("warning", f"{error} It is thrown away.")
            return None
        for place, inside in handed.items():
            if code := host.shell(UNPACK, {"FOLDER": _folder(host, place), "TAR": inside}):
                raise ActionError(
                    f"The cache {entry.key} cannot be unpacked (exit code {code}).", "The image needs tar."
                )
    return entry


def _folder(host: ActionHost, place: str) -> str:
    return host.workspace if place == WORKSPACE else "/"


def _paths(host: ActionHost, exchange: Exchange, globs: PathGlobs) -> dict[str, list[str]]:
    """Return what the patterns name, by what its names are relative to: a folder stands for all that is in it."""
    plain = [one.search_root for one in globs.patterns if not one.negate and one.regex.fullmatch(one.search_root)]
    listed: list[str] = []
    for script, wanted in ((LOOK, plain), (FIND, [root for root in globs.search_roots if root not in plain])):
        if wanted:
            found = exchange.fresh()
            lines = os.fsencode("".join(f"{root}\n" for root in wanted))
            env = {"ROOTS": exchange.write(exchange.fresh(), lines), "FOUND": exchange.inside(found)}
            if code := host.shell(script, env):
                raise ActionError(f"The files could not be searched (exit code {code}).", "The image needs find.")
            listed += os.fsdecode(exchange.read(found, LIST_LIMIT_BYTES)).split("\0")
    taken: list[str] = []
    for path in sorted({path for path in listed if path and globs.matches(path)}, key=lambda path: path.split("/")):
        if not (taken and is_below(path, taken[-1])):
            taken.append(path)
    inside = [path for path in taken if path == host.workspace or is_below(path, host.workspace)]
    named = {
        WORKSPACE: [f"./{posixpath.relpath(path, host.workspace)}" for path in inside],
        ROOT: [f".{path}" for path in taken if path not in inside],
    }
    return {place: names for place, names in named.items() if names}


def _pack(host: ActionHost, exchange: Exchange, place: str, names: list[str], limit_bytes: int) -> str:
    listing = os.fsencode("".join(f"{name}\0" for name in names))
    if len(listing) > MOST_NAMES_BYTES:
        raise ActionError(f"The patterns name {len(names)} paths, too many for one cache: name their folder instead.")
    tar = exchange.fresh()
    env = {
        "FOLDER": _folder(host, place),
        "NAMES": exchange.write(exchange.fresh(), listing),
        "RESULT": exchange.inside(exchange.fresh()),
        "TAR": exchange.inside(tar),
        "BUDGET": str(limit_bytes + 1),
    }
    code = host.shell(PACK, env)
    with exchange.open(tar) as packed:
        if packed.seek(0, os.SEEK_END) > limit_bytes:
            raise ActionError(
                f"The files are more than all caches together may take, {limit_bytes} bytes: nothing is kept.",
                "Raise `retention: {caches: …}` in treadle.yml, or cache less.",
            )
    if code:
        raise ActionError(f"The files could not be packed (exit code {code}).", "The image needs tar, xargs and head.")
    return tar


def _globs(host: ActionHost) -> PathGlobs:
    text = host.inputs.get("path", "")
    try:
        globs = parse_globs(text, host.workspace, host.home_dir if "~" in text else "/")
    except GlobError as error:
        raise ActionError(str(error)) from None
    if not any(not one.negate for one in globs.patterns):
        raise ActionError("The input `path` is required and is empty.")
    return globs


def _version(globs: PathGlobs) -> str:
    """Return what tells caches of other paths apart, as with the original: the paths as they are written."""
    return hashlib.sha256(json.dumps([one.text for one in globs.patterns]).encode()).hexdigest()


def _key(host: ActionHost) -> str:
    key = host.inputs.get("key", "").strip()
    if not key:
        raise ActionError("The input `key` is required and is empty.")
    _check_key(key)
    return key


def _keys(host: ActionHost) -> tuple[str, list[str]]:
    key = _key(host)
    more = [line.strip() for line in host.inputs.get("restore-keys", "").splitlines() if line.strip()]
    if len(more) >= MOST_RESTORE_KEYS:
        raise ActionError(f"Key Validation Error: Keys are limited to a maximum of {MOST_RESTORE_KEYS}.")
    for one in more:
        _check_key(one)
    return key, [key, *more]


def _check_key(key: str) -> None:
    if len(key) > LONGEST_KEY:
        raise ActionError(f"Key Validation Error: {key[:60]}… cannot be larger than {LONGEST_KEY} characters.")
    if "," in key:
        raise ActionError(f"Key Validation Error: {key} cannot contain commas.")
