"""Takes checkpoints of a job in its box, and lays one down in another box: see engine/store/contents/checkpoints.py.

The box packs and unpacks with its own tar, as root where it is a container, beside its steps: nothing that a later
engine goes on from is touched. With GNU's find and tar only what changed since the last time is packed; without, all.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError
from engine.store.contents.checkpoints import Checkpoint, Checkpoints, Layer
from engine.store.queue import Lease
from engine.worker.actions.exchange import Exchange
from engine.worker.box_files import OwnFiles
from engine.worker.executor import Box
from engine.worker.mending.tree_listing import PRINTED, Tree
from pipelines.records import dataclass

LISTING_BYTES = 128 << 20  # about a million files, which are then known in memory
SAID_BYTES = 2000
MOST_NAMES_BYTES = 100_000  # what one command line holds everywhere
CHECKED_OUT = "checked-out"  # what the first checkout of an attempt leaves, see actions/built_in/checkout.py
NOT_GNU = 3

LOOK = r"""
find --version 2>/dev/null | grep -q GNU && tar --version 2>/dev/null | grep -q 'GNU tar' || exit 3
at=$(date +%s.%N) || exit 3
case $at in *[!0-9.]*) exit 3 ;; esac
cd "$BASE"
printf '%s\0' "$at" >"$FOUND"
xargs -0 sh -c 'find "$@" -xdev -printf "$PRINTED" || :' sh <"$ROOTS" >>"$FOUND" 2>/dev/null
[ ! -s "$ALONE" ] || xargs -0 sh -c 'find "$@" -maxdepth 0 -printf "$PRINTED" || :' sh <"$ALONE" >>"$FOUND" 2>/dev/null
"""
# A file that changes while it is read is taken as it was (exit code 1 of GNU's tar).
PACK_CHANGED = """
cd "$BASE"
{
  tar -c -f - --no-recursion --null --no-unquote -T "$NAMES" && rc=0 || rc=$?
  [ "$rc" != 1 ] || rc=0
  echo "$rc" >"$RESULT"
} 2>"$SAID" | head -c "$BUDGET" >"$TAR"
read -r rc <"$RESULT"
exit "$rc"
"""
PACK_ALL = """
cd "$BASE"
cat "$ROOTS" >"$NAMES"
[ ! -s "$ALONE" ] || xargs -0 sh -c 'find "$@" -maxdepth 0 ! -type d -print0 || :' sh <"$ALONE" >>"$NAMES" 2>/dev/null
{
  xargs -0 tar -c -f - <"$NAMES" && rc=0 || rc=$?
  echo "$rc" >"$RESULT"
} 2>"$SAID" | head -c "$BUDGET" >"$TAR"
read -r rc <"$RESULT"
exit "$rc"
"""
UNPACK = """
exec 2>"$SAID"
cd "$BASE"
[ ! -s "$GONE" ] || xargs -0 rm -rf -- <"$GONE"
case $(tar --version 2>&1) in *'GNU tar'*) AS='-p --numeric-owner' ;; *) AS= ;; esac
tar -x -f "$TAR" $AS
"""


@dataclass
class Checkpointer:
    """One attempt's. `look` is called while the box works, and may raise to give up. `exchange` is the folder in which
    the box and this process hand each other files, `exchange_inside` the same as the box sees it.

    `layers` are what `tree` was kept in, None before that: the next checkpoint is then a whole one.
    """

    checkpoints: Checkpoints
    lease: Lease
    box: Box
    exchange: Path
    exchange_inside: str
    executor: str
    image: str
    limit_bytes: int
    look: Callable[[], None]
    tree: Tree | None = None
    layers: tuple[Layer, ...] = ()
    gone: frozenset[bytes] = field(default_factory=frozenset)  # of the image, as told in `layers`

    def take(self, step: int, state: Any, now: datetime) -> Checkpoint:
        """Keep what the job is now as the checkpoint after the step at the place `step`.

        Raises EngineError when that cannot be, and LeaseLost.
        """
        files = self.box.own_files()
        missing = frozenset(_names(files.gone))
        with Exchange(self) as exchange:
            tree = self._listed(exchange, files)
            below: tuple[Layer, ...] = ()
            if tree is None:
                tar, gone = self._pack_all(exchange, files), sorted(missing)
            else:
                tar = self._pack(exchange, files, tree.changed_since(self.tree))
                gone = [*tree.gone_since(self.tree), *sorted(missing - self.gone)]
                below = self.layers
            with exchange.open(tar) as packed:
                found = self.checkpoints.save(
                    self.lease, step, (self.executor, self.image, files.base), below, packed, _list(gone), state, now
                )
        self._stands(tree, found.layers, missing)
        return found

    def lay_down(self, found: Checkpoint) -> None:
        """Make of a box that no step has run in what a checkpoint says. Raises EngineError."""
        with Exchange(self) as exchange:
            base = self.box.own_files().base
            for layer in found.layers:
                env = {
                    "BASE": base,
                    "TAR": self._hand(exchange, layer.tar),
                    "GONE": self._hand(exchange, layer.gone),
                }
                self._run(exchange, UNPACK, env, "laid down")
            exchange.mark(CHECKED_OUT)  # the workspace is no longer what a first checkout would find
            files = self.box.own_files()
            self._stands(self._listed(exchange, files), found.layers, frozenset(_names(files.gone)))

    def _stands(self, tree: Tree | None, layers: tuple[Layer, ...], gone: frozenset[bytes]) -> None:
        self.tree = tree.settled() if tree is not None else None
        self.layers = layers if tree is not None else ()
        self.gone = gone if tree is not None else frozenset()

    def _listed(self, exchange: Exchange, files: OwnFiles) -> Tree | None:
        """Return what there is in the box, None when its tools cannot tell."""
        found = exchange.fresh()
        env = self._told(exchange, files) | {"FOUND": exchange.inside(found), "PRINTED": PRINTED}
        code = self.box.aside(LOOK, env, self.look)
        if code == NOT_GNU:
            return None
        if code:
            raise EngineError(f"The files cannot be listed (exit code {code}).")
        return Tree.read(exchange.read(found, LISTING_BYTES))

    def _pack(self, exchange: Exchange, files: OwnFiles, names: list[bytes]) -> str:
        return self._packed(exchange, PACK_CHANGED, {"BASE": files.base, "NAMES": self._write(exchange, names)})

    def _pack_all(self, exchange: Exchange, files: OwnFiles) -> str:
        if len(_list(_names((*files.roots, *files.alone)))) > MOST_NAMES_BYTES:
            raise EngineError(
                "Too much changed outside of the workspace for the tar of this image.", "GNU tar and find help."
            )
        env = self._told(exchange, files) | {"NAMES": exchange.inside(exchange.fresh())}
        return self._packed(exchange, PACK_ALL, env)

    def _packed(self, exchange: Exchange, script: str, env: dict[str, str]) -> str:
        tar = exchange.fresh()
        env |= {
            "TAR": exchange.inside(tar),
            "RESULT": exchange.inside(exchange.fresh()),
            "BUDGET": str(self.limit_bytes + 1),
        }
        said = exchange.fresh()
        code = self.box.aside(script, env | {"SAID": exchange.inside(said)}, self.look)
        with exchange.open(tar) as packed:
            if packed.seek(0, os.SEEK_END) > self.limit_bytes:
                raise EngineError(
                    f"The files are more than all checkpoints together may take, {self.limit_bytes} bytes.",
                    "Raise `retention: {checkpoints: …}` in treadle.yml.",
                )
        if code:
            raise EngineError(f"The files cannot be packed: {_complaint(exchange, said, code)}.")
        return tar

    def _run(self, exchange: Exchange, script: str, env: dict[str, str], what: str) -> None:
        said = exchange.fresh()
        if code := self.box.aside(script, env | {"SAID": exchange.inside(said)}, self.look):
            raise EngineError(f"The checkpoint cannot be {what}: {_complaint(exchange, said, code)}.")

    def _told(self, exchange: Exchange, files: OwnFiles) -> dict[str, str]:
        roots, alone = _names(files.roots), _names((*files.alone, *files.gone))
        return {
            "BASE": files.base,
            "ROOTS": self._write(exchange, roots),
            "ALONE": self._write(exchange, alone),
        }

    def _write(self, exchange: Exchange, names: Iterable[bytes]) -> str:
        return exchange.write(exchange.fresh(), _list(names))

    def _hand(self, exchange: Exchange, digest: str) -> str:
        name = exchange.fresh()
        with exchange.create(name) as out:
            if digest:
                out.writelines(self.checkpoints.read(digest))
        return exchange.inside(name)


def _names(paths: Iterable[str]) -> list[bytes]:
    return [b"./" + os.fsencode(path) for path in paths]


def _list(names: Iterable[bytes]) -> bytes:
    return b"".join(name + b"\0" for name in names)


def _complaint(exchange: Exchange, said: str, code: int) -> str:
    """Return what a tool of the box complained of first; its exit code where it said nothing."""
    try:
        lines = exchange.read(said, SAID_BYTES * 50).decode("utf-8", "replace").strip().splitlines()
    except EngineError:
        lines = []
    return lines[0][:SAID_BYTES] if lines else f"exit code {code}"
