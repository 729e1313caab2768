"""`treadle snapshot`: takes, lists, compares and removes snapshots of a home, and makes a new home of one."""

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from app.cli.deeds import Deed, add_deeds, carry_out, nothing_more
from app.cli.output import print_json, print_table, table, talk
from app.cli.place import home_of, home_with_runs
from app.cli.source import check_where
from app.wording import age_of, count_of, size
from engine.core.clock import SystemClock
from engine.core.errors import SettingsError

HEADER = ("ID", "KIND", "TAKEN", "RUNS", "JOBS", "ARTIFACTS", "SIZE", "NEW")
ORDER = ("run", "job", "artifact", "cache", "log", "setting", "repo", "secret", "token", "key")
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


def configure(parser: argparse.ArgumentParser) -> None:
    add_deeds(
        parser,
        (
            Deed("create", "take a snapshot now, which stays until it is removed by its id", nothing_more, _create),
            Deed("list", "list the snapshots, with what each added to the disk", nothing_more, _list),
            Deed("diff", "tell what changed from one snapshot to another", _diff_arguments, _diff),
            Deed("restore", "make a new home of a snapshot or a backup, while the old one lives", _to, _restore),
            Deed("prune", "remove snapshots: those named, else those that are not to be kept", _which, _prune),
        ),
    )


execute = carry_out


def _diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="the earlier one: an id, or how it begins")
    parser.add_argument("b", metavar="B", nargs="?", default="latest", help="the later one (default: the latest)")


def _to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="a snapshot's id, how it begins, `latest`, or a backup's FILE.tar")
    parser.add_argument("--to", metavar="NEW_HOME", required=True, help="a folder that is not there yet, or is empty")


def _which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="*", help="one to remove (default: what `retention:` does not keep)")
    parser.add_argument("--dry-run", action="store_true", help="tell which, and remove none")


def _create(args: argparse.Namespace) -> int:
    with _keeper(args) as keeper:
        made = keeper.create()
    if args.json:
        print_json(made)
        return 0
    if made is None:
        talk("It takes longer than one waits for an answer; it goes on, and `treadle snapshot list` will show it.")
        return 0
    print(made["id"])
    talk(f"{_extent(made)}; {size(made['new_bytes'])} of it new on the disk.")
    if args.connect is None and (home_of(args) / "secret.key").exists():
        talk("The key to the secrets is in it.")
    for name in made["incomplete"]:
        talk(f"Not whole, since contents of it are not on the disk: {name}")
    return 0


def _list(args: argparse.Namespace) -> int:
    with _keeper(args) as keeper:
        told = keeper.every()
    if args.json:
        print(json.dumps(told["snapshots"]))  # on one line, for what reads lines
    elif told["snapshots"]:
        _print(told["snapshots"])
    elif not told["damaged"]:
        talk("No snapshots. `treadle snapshot create` takes one; a server takes one each hour.")
    for one in told["damaged"]:
        talk(f"{one['id']} is damaged: {one['problem']}. `treadle snapshot prune {one['id']}` removes it.")
    if told["damaged"]:
        talk("Until then nothing that old snapshots and artifacts held is swept from the disk.")
    return 0


def _diff(args: argparse.Namespace) -> int:
    with _keeper(args) as keeper:
        told = keeper.diff(args.a, args.b)
    if args.json:
        print_json(told)
        return 0
    counts = told["counts"]
    span = f"changed from {told['a']['id']} to {told['b']['id']}"
    talk(f"What {span}:" if counts else f"Nothing {span}.")
    for what in sorted(counts, key=lambda what: (ORDER.index(what) if what in ORDER else len(ORDER), what)):
        many = ", ".join(f"{count} {verb}" for verb, count in counts[what].items() if count)
        print(f"{what}: {many}")
        rows = [_row(one) for one in told["changes"] if one["what"] == what]
        print(*(f"  {line}" for line in table(("", "NAME", "BEFORE", "AFTER"), rows, 1, None, False)[1:]), sep="\n")
        if (rest := sum(counts[what].values()) - len(rows)) > 0:
            print(f"  … and {rest} more")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from app.views.snapshots import restored_shape
    from engine.store.backup import restore_backup
    from engine.store.restore import restore_snapshot
    from engine.store.snapshots import Snapshots

    check_where(args)
    if args.connect is not None:
        raise SettingsError("A home is restored on the machine where it is to be: leave --connect away.")
    to, now = Path(args.to).expanduser().absolute(), SystemClock().now()
    if args.id.endswith(".tar") or "/" in args.id:
        done = restore_backup(Path(args.id).expanduser(), to, now)
    else:
        snapshots = Snapshots(home_with_runs(args))
        done = restore_snapshot(snapshots, snapshots.get(args.id), to, now)
    if args.json:
        print_json(restored_shape(done))
        return 0
    print(done.home)
    lost = count_of(done.lost, "attempt")
    ended = f" {lost} that ran then will not end here; where it was taken they go on." if done.lost else ""
    talk(f"{count_of(done.runs, 'run')}, {count_of(done.files, 'file')}, all checked.{ended}")
    if not done.with_key:
        talk("No key to secrets was in it: none were kept there.")
    talk("Its queue is paused, so that two homes do not both deploy. When this one is to work: `treadle queue resume`.")
    return 0


def _prune(args: argparse.Namespace) -> int:
    if args.ids and args.dry_run:
        raise SettingsError("--dry-run tells what the rules would remove; an ID is one you chose.")
    with _keeper(args) as keeper:
        gone = [one for name in args.ids for one in keeper.remove(name)] if args.ids else keeper.thin(args.dry_run)
    if args.json:
        print_json(gone)
        return 0
    if sound := [one for one in gone if "kind" in one]:
        _print(sound)
    verb = "would go" if args.dry_run else "removed; what they alone held goes with the next `treadle prune`"
    talk(f"{count_of(len(gone), 'snapshot')} {verb}.")
    return 0


def _print(snapshots: list[Told]) -> None:
    now = SystemClock().now()
    rows = [
        (
            one["id"], one["kind"], age_of(one["created_at"], now), str(one["runs"]),
            str(one["jobs"]), str(one["artifacts"]), size(one["size_bytes"]), size(one["new_bytes"]),
        )
        for one in snapshots
    ]  # fmt: skip
    print_table(HEADER, rows, "TAKEN", ("JOBS", "ARTIFACTS"))


def _row(one: Told) -> tuple[str, str, str, str]:
    sign = {"added": "+", "removed": "-", "changed": "~"}[one["change"]]
    return sign, one["name"], one["before"] or "", one["after"] or ""


def _extent(told: Told) -> str:
    return f"{count_of(told['runs'], 'run')}, {count_of(told['artifacts'], 'artifact')}, {size(told['size_bytes'])}"


@contextmanager
def _keeper(args: argparse.Namespace) -> Iterator[Keeper]:
    """Give whose snapshots are meant. Those of a home on this machine need no engine, whether one runs or not."""
    check_where(args)
    if args.connect is None:
        yield _HomeKeeper(args)
        return
    from app.cli.remote import client_at, translated

    client = client_at(args.connect, args.token)
    with translated(client):
        yield _RemoteKeeper(client)


class _HomeKeeper:
    def __init__(self, args: argparse.Namespace) -> None:
        from engine.store.snapshots import Snapshots

        self._args = args
        self._snapshots = Snapshots(home_with_runs(args))

    def create(self) -> Told:
        from app.cli.repo_names import config_path
        from app.views.snapshots import snapshot_shape
        from engine.store.snapshots import HAND

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
        from engine.control.snapshots import prune, thinned

        rules = settings_here(self._args).retention.snapshots
        gone = thinned(self._snapshots.list(), rules) if dry_run else prune(self._snapshots, rules)
        return [snapshot_shape(one) for one in gone]


class _RemoteKeeper:
    def __init__(self, client: Any) -> None:
        self._client = client

    def create(self) -> Told | None:
        told: Told | None = self._client.post("/snapshots")["snapshot"]
        return told

    def every(self) -> Told:
        return dict(self._client.get("/snapshots"))

    def diff(self, a: str, b: str) -> Told:
        return dict(self._client.get("/snapshots/diff", {"a": a, "b": b}))

    def remove(self, name: str) -> list[Told]:
        return list(self._client.delete(f"/snapshots/{name}")["removed"])

    def thin(self, dry_run: bool) -> list[Told]:
        return list(self._client.post("/snapshots/prune", {"dry_run": dry_run})["removed"])
