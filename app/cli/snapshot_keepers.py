"""Whose snapshots a command line means: a home's, which need no engine, or those of the engine of `--connect`."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from app.cli.asked import Asked, engine_of
from app.cli.place import home_with_runs, home_with_snapshots
from engine.core.clock import SystemClock

Told = Mapping[str, Any]


class Keeper(Protocol):
    """Whose snapshots they are: everything is told as the API tells it. A refusal is an EngineError."""

    def create(self) -> Told | None:
        """Take one now; None when it takes longer, which goes on."""

    def every(self) -> Told:
        """Return all there are: see `snapshots_view`."""

    def diff(self, a: str, b: str) -> Told: ...

    def remove(self, name: str) -> list[Told]: ...

    def thin(self, dry_run: bool) -> list[Told]: ...


@contextmanager
def keeper_of(args: argparse.Namespace) -> Iterator[Keeper]:
    """Give whose snapshots are meant. Those of a home on this machine need no engine, whether one runs or not."""
    engine = engine_of(args)
    yield HomeKeeper(args) if engine is None else RemoteKeeper(engine)


class HomeKeeper:
    def __init__(self, args: argparse.Namespace) -> None:
        from engine.store.copies.snapshots import Snapshots

        self._args = args
        self._snapshots = Snapshots(home_with_snapshots(args))

    def create(self) -> Told:
        from app.cli.repo_names import config_path
        from app.views.snapshots import snapshot_shape
        from engine.store.copies.snapshots import HAND

        home_with_runs(self._args)  # a copy of no database is none
        made = self._snapshots.create(HAND, SystemClock().now(), config=config_path(self._args))
        return snapshot_shape(made)

    def every(self) -> Told:
        from app.views.snapshots import snapshots_view

        return snapshots_view(self._snapshots)

    def diff(self, a: str, b: str) -> Told:
        from app.views.snapshots import difference_view

        return difference_view(self._snapshots, a, b)

    def remove(self, name: str) -> list[Told]:
        from app.views.snapshots import remove_view

        return list(remove_view(self._snapshots, name))

    def thin(self, dry_run: bool) -> list[Told]:
        from app.cli.repo_names import settings_here
        from app.views.snapshots import snapshot_shape
        from engine.control.housekeeping.snapshots import prune, thinned

        rules = settings_here(self._args).retention.snapshots
        gone = thinned(self._snapshots.list(), rules) if dry_run else prune(self._snapshots, rules)
        return [snapshot_shape(one) for one in gone]


class RemoteKeeper:
    def __init__(self, engine: Asked) -> None:
        self._engine = engine

    def create(self) -> Told | None:
        told: Told | None = self._engine.post("/snapshots")["snapshot"]
        return told

    def every(self) -> Told:
        return dict(self._engine.get("/snapshots"))

    def diff(self, a: str, b: str) -> Told:
        return dict(self._engine.get("/snapshots/diff", {"a": a, "b": b}))

    def remove(self, name: str) -> list[Told]:
        return list(self._engine.delete(f"/snapshots/{name}")["removed"])

    def thin(self, dry_run: bool) -> list[Told]:
        return list(self._engine.post("/snapshots/prune", {"dry_run": dry_run})["removed"])
