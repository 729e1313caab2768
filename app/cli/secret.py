"""`treadle secret`: what jobs may know and nobody may see. Values come on stdin, never as arguments."""

import argparse
import getpass
import sys

from app.cli.deeds import Deed, add_deeds, carry_out
from app.cli.naming import home_of
from app.cli.output import colour_wanted, print_json, table, talk, terminal_width
from app.cli.repo_names import repo_id_of, settings_here
from app.wording import age
from engine.core.clock import SystemClock, rfc3339
from engine.core.errors import EngineError
from engine.store.repos import known_repos
from engine.store.store import open_store
from engine.store.vault import ALL

NAME = "secret"
HELP = "keep, list and remove the secrets of workflows"
LONGEST = 64 << 10  # bytes; GitHub takes 48 KB


def configure(parser: argparse.ArgumentParser) -> None:
    add_deeds(
        parser,
        (
            Deed("set", "keep a secret; its value is read from stdin", _named, _set),
            Deed("list", "list the names of secrets", _of_repo, _list),
            Deed("remove", "forget a secret", _named, _remove),
        ),
    )


execute = carry_out


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="as in `secrets.NAME`")
    _of_repo(parser)


def _of_repo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repo", metavar="NAME", help="of this repository alone (default: of all)")


def _set(args: argparse.Namespace) -> int:
    value = _value(args.name)
    store = open_store(home_of(args), create=True)
    try:
        repo_id = ALL if args.repo is None else repo_id_of(store, settings_here(args), args.repo)
        try:
            store.vault.set(repo_id, args.name, value, SystemClock().now())
        except ValueError as error:
            raise EngineError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    finally:
        store.close()
    if args.json:
        print_json({"name": args.name.upper(), "repo": args.repo})
    else:
        talk(f"{args.name.upper()} is kept, for {args.repo or 'all repositories'}.")
    return 0


def _list(args: argparse.Namespace) -> int:
    home = home_of(args)
    rows: list[tuple[str, str | None, str, str]] = []
    if (home / "treadle.db").exists():
        store = open_store(home)
        try:
            only = None if args.repo is None else repo_id_of(store, settings_here(args), args.repo)
            names = {repo.id: repo.name for repo in known_repos()}
            now = SystemClock().now()
            for one in store.vault.list(only):
                repo = None if one.repo_id == ALL else names.get(one.repo_id, str(one.repo_id))
                rows.append((one.name, repo, age(one.updated_at, now), rfc3339(one.updated_at)))
        finally:
            store.close()
    if args.json:
        print_json([{"name": name, "repo": repo, "updated_at": at} for name, repo, _, at in rows])
    elif not rows:
        talk("No secrets. `treadle secret set NAME < FILE` keeps one.")
    else:
        cells = [(name, repo or "(all)", since) for name, repo, since, _ in rows]
        print(*table(("NAME", "REPO", "SET"), cells, 0, terminal_width(), colour_wanted(sys.stdout)), sep="\n")
    return 0


def _remove(args: argparse.Namespace) -> int:
    store = open_store(home_of(args))
    try:
        repo_id = ALL if args.repo is None else repo_id_of(store, settings_here(args), args.repo)
        if not store.vault.remove(repo_id, args.name):
            whose = f" of {args.repo}" if args.repo else ""
            raise EngineError(f"There is no secret {args.name.upper()}{whose}.", "`treadle secret list` shows them.")
    finally:
        store.close()
    if args.json:
        print_json({"name": args.name.upper(), "repo": args.repo, "removed": True})
    else:
        talk(f"{args.name.upper()} is forgotten. Runs that were planned before still have it.")
    return 0


def _value(name: str) -> str:
    """Read the value: from a prompt that shows nothing on a terminal, else all of stdin but one newline at its end."""
    if sys.stdin.isatty():
        return getpass.getpass(f"Value of {name}: ")
    data = sys.stdin.buffer.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise EngineError(f"The value is larger than {LONGEST >> 10} KiB.")
    try:
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise EngineError("The value is not UTF-8.", "Encode it first, as base64 for example.") from None
