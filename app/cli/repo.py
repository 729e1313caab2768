"""`treadle repo`: the repositories of the configuration, and what came of each last."""

import argparse
from datetime import datetime
from typing import Any

from app.cli.admin import admin_of
from app.cli.deeds import Deed, add_deeds, carry_out, nothing_more
from app.cli.listing import Listing, Told
from app.cli.output import print_json, talk
from app.wording import age_of, count_of
from engine.git.remote import local_path
from widgets.safe_text import plain


def configure(parser: argparse.ArgumentParser) -> None:
    add_deeds(
        parser,
        (
            Deed("add", "put a repository into the configuration", _add_arguments, _add),
            Deed("list", "list repositories with their last event and run", nothing_more, _list),
            Deed("sync", "look now at where the repository's refs are; what moved is an event", _name, _sync),
            Deed("remove", "take a repository out of the configuration; its runs stay", _name, _remove),
        ),
    )


execute = carry_out


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="such as team/site")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("url", metavar="URL|PATH", help="where it is cloned from")
    parser.add_argument("--secret-env", metavar="VAR", help="the variable with the secret that signs its deliveries")
    parser.add_argument("--token-env", metavar="VAR", help="the variable with the token for clones and statuses")
    parser.add_argument("--ssh-key", metavar="FILE", help="the private key file for a url over ssh")
    parser.add_argument("--forge", choices=("auto", "github", "gitea", "forgejo", "gitlab", "none"), help="who it is")
    parser.add_argument("--poll", metavar="TIME", help="ask for new commits so often, such as 60s")
    parser.add_argument("--watch", choices=("commits", "files"), help="look at a path on this machine")
    parser.add_argument("--fork-prs", choices=("never", "approval", "always"), help="run pull requests of forks?")
    parser.add_argument("--allow-host", action="store_true", help="let its jobs run on this machine itself")


def _add(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        added = admin.add_repo(_entry(args))
        heard = admin.heard()
    if args.json:
        print_json({**added, "engine": heard})
        return 0
    talk(f"{added['name']} is in {added['config']}. Deliveries go to {added['hook']}.")
    if not args.secret_env and local_path(added["url"]) is None:
        talk(
            "Without --secret-env nobody can tell whether a delivery is genuine: set `secret:` before opening the port."
        )
    return 0


def _remove(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        gone = admin.remove_repo(args.name)
        heard = admin.heard()
    if args.json:
        print_json({**gone, "engine": heard})
        return 0
    talk(f"{args.name} is no longer in {gone['config']}. Its runs, logs and secrets stay.")
    return 0


def _list(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        repos = admin.repos()
    REPOS.show(repos, as_json=args.json)
    for one in () if args.json else repos:
        if one["configured"] and one["last_sync"] and one["last_sync"]["problem"]:
            talk(f"{one['name']} cannot be asked: {plain(one['last_sync']['problem'])}")
        if one["configured"] and one.get("untold"):
            talk(plain(one["untold"]))
    return 0


def _sync(args: argparse.Namespace) -> int:
    with admin_of(args) as admin:
        told = admin.sync_repo(args.name)
        heard = admin.heard()
    moved = told["events"]
    if args.json:
        print_json({**told, "engine": heard})
        return 0
    if moved is None:
        talk(f"{args.name} has not answered yet; the engine goes on asking.")
        return 0
    talk(f"{count_of(moved, 'ref')} of {args.name} moved since the last look.")
    if moved and not heard:
        talk("No engine runs here: it is planned at the next start.")
    return 0


def _row(repo: Told, now: datetime) -> tuple[str, ...]:
    run, event = repo["last_run"], repo["last_event"]
    ran = f"r{run['id']} {run['workflow']}, {age_of(run['created_at'], now)}" if run else "none"
    came = f"{event['kind']} ({event['source']}), {age_of(event['received_at'], now)}" if event else "none"
    forge = repo["forge"] if repo["configured"] else "not configured"
    return (run["status"] if run else "", repo["name"], ran, came, forge, repo["url"])


REPOS = Listing(
    ("STATUS", "NAME", "LAST RUN", "LAST EVENT", "FORGE", "FROM"), _row, "FROM",
    nothing="No repositories. `treadle repo add NAME URL` puts one into the configuration.",
)  # fmt: skip


def _entry(args: argparse.Namespace) -> dict[str, Any]:
    """Return what was said of a repository; a path on this machine is a whole one, whose engine is not elsewhere."""
    names = ("name", "url", "secret_env", "token_env", "ssh_key", "forge", "poll", "watch", "fork_prs", "allow_host")
    told = {name: getattr(args, name) for name in names}
    here = local_path(args.url) if args.connect is None and not args.url.startswith("file:") else None
    if here is not None:
        told["url"] = str(here)
    return {name: value for name, value in told.items() if value}
