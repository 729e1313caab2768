"""`treadle snapshot`: takes, lists, compares and removes snapshots of a home, and makes a new home of one."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.cli.asked import check_where
from app.cli.deeds import Deed, add_deeds, carry_out, nothing_more
from app.cli.output import print_json, print_table, table, talk
from app.cli.place import home_of, home_with_snapshots
from app.cli.snapshot_keepers import keeper_of
from app.wording import age_of, count_of, size
from engine.core.clock import SystemClock
from engine.core.errors import SettingsError

HEADER = ("ID", "KIND", "TAKEN", "RUNS", "JOBS", "ARTIFACTS", "SIZE", "NEW")
ORDER = ("run", "job", "artifact", "cache", "log", "setting", "repo", "secret", "token", "key")
Told = Mapping[str, Any]


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
    with keeper_of(args) as keeper:
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
    with keeper_of(args) as keeper:
        told = keeper.every()
    if args.json:
        print_json(told["snapshots"])
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
    with keeper_of(args) as keeper:
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
    from engine.store.copies.backup import restore_backup
    from engine.store.copies.restore import restore_snapshot
    from engine.store.copies.snapshots import Snapshots

    check_where(args)
    if args.connect is not None:
        raise SettingsError("A home is restored on the machine where it is to be: leave --connect away.")
    to, now = Path(args.to).expanduser().absolute(), SystemClock().now()
    if args.id.endswith(".tar") or "/" in args.id:
        done = restore_backup(Path(args.id).expanduser(), to, now)
    else:
        snapshots = Snapshots(home_with_snapshots(args))
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
    with keeper_of(args) as keeper:
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
