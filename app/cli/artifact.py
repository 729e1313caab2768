"""`treadle artifact`: what runs left, and one of them fetched."""

import argparse
from datetime import datetime

from app.cli.deeds import Deed, add_deeds, carry_out
from app.cli.listing import Listing, Told
from app.cli.naming import RUN_HELP, find_run
from app.cli.options import count
from app.cli.output import print_json
from app.cli.source import Source, source_of
from app.wording import age_of, size
from engine.core.errors import EngineError, SettingsError


def configure(parser: argparse.ArgumentParser) -> None:
    add_deeds(
        parser,
        (
            Deed("list", "list the artifacts of a run, or of all, the newest first", _of_runs, _list),
            Deed("get", "fetch an artifact, or one file of it; over nothing that is there", _one, _get),
        ),
    )


execute = carry_out


def _of_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="?", help=f"{RUN_HELP} (default: all runs)")
    parser.add_argument("--repo", metavar="NAME", help="only of this repository")
    parser.add_argument("--limit", type=count, default=50, metavar="N", help="at most so many (default: 50)")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("name", metavar="NAME", help="the artifact's name")
    parser.add_argument("path", metavar="PATH", nargs="?", help="one file of it (default: all)")
    form = parser.add_mutually_exclusive_group()
    for name in ("tar", "zip"):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=f"all of it as one {name}")
    parser.add_argument(
        "--output", metavar="DIR",
        help="a folder, made if it is not there (default: treadle-rRUN-NAME in this one); for one file, a tar or a zip "
        "a folder or the file to write (default: in this folder), or - for stdout",
    )  # fmt: skip


def _list(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        found = _all(source, args.repo, args.limit) if args.run is None else _of(source, args.run, args.repo)
    ARTIFACTS.show(found[: args.limit], as_json=args.json)
    return 0


def _all(source: Source, repo: str | None, limit: int) -> list[Told]:
    found: list[Told] = []
    before: int | None = None
    while len(found) < limit:
        page = source.artifacts(repo, before, limit - len(found))
        found += page["artifacts"]
        before = page["before"]
        if before is None:
            break
    return found


def _of(source: Source, run: str, repo: str | None) -> list[Told]:
    return [one for one in source.artifacts_of(find_run(source.queries, run)) if repo in (None, one["repo"])]


def _row(one: Told, now: datetime) -> tuple[str, ...]:
    return (
        f"r{one['run']}",
        f"{one['workflow']} #{one['run_number']}",
        one["repo"],
        one["job_name"],
        one["name"],
        "damaged" if one.get("damaged") else size(one["size_bytes"]),
        str(one["files"]),
        age_of(one["created_at"], now),
        "pinned" if one["kept_until"] is None else _day(one["kept_until"]),
    )


def _day(at: str) -> str:
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d")


ARTIFACTS = Listing(
    ("RUN", "WORKFLOW", "REPO", "JOB", "NAME", "SIZE", "FILES", "AGE", "KEPT UNTIL"),
    _row,
    flexible="NAME",
    nothing="No artifacts.",
    spare=("REPO", "JOB", "WORKFLOW", "KEPT UNTIL"),
)


def _get(args: argparse.Namespace) -> int:
    from app.cli.artifact_get import STDOUT, get

    if args.json and args.output == STDOUT:
        raise SettingsError("With `--output -` the file itself is on stdout.", "Leave --json away.")
    with source_of(args) as source:
        run = find_run(source.queries, args.run)
        there = source.artifacts_of(run)
        artifact = next((one for one in there if one["name"] == args.name), None)
        if artifact is None:
            names = ", ".join(repr(one["name"]) for one in there)
            raise EngineError(
                f"Run r{run.id} has no artifact {args.name!r}.", f"It has {names}." if names else "It has none."
            )
        output = get(source, artifact, args.path, args.form, args.output)
    if args.json:
        print_json({**artifact, "output": str(output.absolute()) if output else None})
    return 0
