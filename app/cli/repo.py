"""`treadle repo`: the repositories of the configuration, and what came of each last."""

import argparse
import sys
from typing import Any
from urllib.parse import quote

from app.cli.deeds import Deed, add_deeds, carry_out, nothing_more
from app.cli.naming import home_of
from app.cli.output import colour_wanted, print_json, table, talk, terminal_width
from app.cli.repo_names import config_path, repo_id_of, settings_here
from app.shapes import run_shape
from app.wording import age
from engine.control.forks import POLL
from engine.core.clock import SystemClock, rfc3339
from engine.core.errors import EngineError
from engine.core.records import Run
from engine.doorbell import ring
from engine.git_remote import local_path, remote
from engine.settings import RepoSettings
from engine.settings_edit import add_repo, entry_settings, read_text, remove_repo, write_text
from engine.store.repos import LastEvent, known_repos, last_event
from engine.store.store import open_store

NAME = "repo"
HELP = "add, list, sync and remove the repositories that the server knows"
HEADER = ("STATUS", "NAME", "LAST RUN", "LAST EVENT", "FORGE", "FROM")


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
    parser.add_argument("--forge", choices=("auto", "github", "gitea", "forgejo", "gitlab", "none"), help="who it is")
    parser.add_argument("--poll", metavar="TIME", help="ask for new commits so often, such as 60s")
    parser.add_argument("--watch", choices=("commits", "files"), help="look at a path on this machine")
    parser.add_argument("--fork-prs", choices=("never", "approval", "always"), help="run pull requests of forks?")
    parser.add_argument("--allow-host", action="store_true", help="let its jobs run on this machine itself")


def _add(args: argparse.Namespace) -> int:
    entry = _entry(args)
    made = entry_settings(entry)
    path = config_path(args)
    write_text(path, add_repo(read_text(path), entry))
    settings = settings_here(args)
    host = f"[{settings.listen.host}]" if ":" in settings.listen.host else settings.listen.host
    hook = f"http://{host}:{settings.listen.port}/hooks/{quote(made.name)}"
    running = _engine_runs(args)
    if args.json:
        print_json({"name": made.name, "url": made.url, "config": str(path), "hook": hook, "restart_needed": running})
        return 0
    talk(f"{made.name} is in {path}. Deliveries go to {hook}.")
    if not args.secret_env and local_path(made.url) is None:
        talk(
            "Without --secret-env nobody can tell whether a delivery is genuine: set `secret:` before opening the port."
        )
    _say_restart(running)
    return 0


def _remove(args: argparse.Namespace) -> int:
    path = config_path(args)
    write_text(path, remove_repo(read_text(path), args.name))
    running = _engine_runs(args)
    if args.json:
        print_json({"name": args.name, "config": str(path), "removed": True, "restart_needed": running})
        return 0
    talk(f"{args.name} is no longer in {path}. Its runs, logs and secrets stay.")
    _say_restart(running)
    return 0


def _list(args: argparse.Namespace) -> int:
    settings, home = settings_here(args), home_of(args)
    configured = {repo.name: repo for repo in settings.repos}
    seen: dict[str, tuple[LastEvent | None, Run | None]] = dict.fromkeys(configured, (None, None))
    places = {repo.name: remote(repo.url).url for repo in settings.repos}
    if (home / "treadle.db").exists():
        store = open_store(home)
        try:
            for known in known_repos():
                runs = store.queries.runs(repo=known.name, limit=1)
                seen[known.name] = last_event(known.id), runs[0] if runs else None
                places.setdefault(known.name, known.path or (remote(known.url).url if known.url else ""))
        finally:
            store.close()
    if args.json:
        print_json([_shape(name, places[name], configured.get(name), *seen[name]) for name in sorted(seen)])
        return 0
    if not seen:
        talk("No repositories. `treadle repo add NAME URL` puts one into the configuration.")
        return 0
    rows = [_row(name, places[name], configured.get(name), *seen[name]) for name in sorted(seen)]
    print(*table(HEADER, rows, 5, terminal_width(), colour_wanted(sys.stdout)), sep="\n")
    return 0


def _sync(args: argparse.Namespace) -> int:
    """Look from here, not through the engine: it hears of events by the doorbell, or finds them at its start."""
    from engine.control.mirrors import Mirrors
    from engine.control.triggers.refs import look

    home = home_of(args)
    repo = settings_here(args).repo(args.name)
    if repo is None:
        raise EngineError(f"{args.name!r} is not in the configuration.", "`treadle repo list` shows what is.")
    store = open_store(home, create=True)
    try:
        repo_id = repo_id_of(store, settings_here(args), repo.name)
        moved = look(store, Mirrors(home), repo, repo_id, POLL, SystemClock())
    finally:
        store.close()
    heard = ring(home)
    if args.json:
        print_json({"name": repo.name, "events": moved, "engine": heard})
        return 0
    talk(f"{moved} ref{'' if moved == 1 else 's'} of {repo.name} moved since the last look.")
    if moved and not heard:
        talk("No engine runs here: it is planned at the next start.")
    return 0


def _row(name: str, place: str, repo: RepoSettings | None, event: LastEvent | None, run: Run | None) -> tuple[str, ...]:
    now = SystemClock().now()
    ran = f"r{run.id} {run.workflow_name}, {age(run.created_at, now)}" if run else "none"
    heard = f"{event.kind} ({event.source}), {age(event.received_at, now)}" if event else "none"
    forge = repo.forge if repo else "not configured"
    return (str(run.status) if run else "", name, ran, heard, forge, place)


def _shape(
    name: str, place: str, repo: RepoSettings | None, event: LastEvent | None, run: Run | None
) -> dict[str, Any]:
    """Say what is known, but neither secret nor token: only whether there is one."""
    return {
        "name": name,
        "url": place,
        "configured": repo is not None,
        "forge": repo.forge if repo else None,
        "poll_s": repo.poll_s if repo else None,
        "watch": repo.watch if repo else None,
        "fork_prs": repo.fork_prs if repo else None,
        "last_event": event
        and {
            "id": event.id,
            "kind": event.kind,
            "source": event.source,
            "status": event.status,
            "problem": event.problem,
            "received_at": rfc3339(event.received_at),
        },
        "last_run": run and run_shape(run),
    }


def _entry(args: argparse.Namespace) -> dict[str, str]:
    """Return the lines of the entry, in the order in which they are documented."""
    here = local_path(args.url)
    given = {
        "name": args.name,
        "url": str(here) if here is not None and not args.url.startswith("file:") else args.url,
        "secret": args.secret_env and f"${{{args.secret_env}}}",
        "token": args.token_env and f"${{{args.token_env}}}",
        "forge": args.forge,
        "poll": args.poll,
        "watch": args.watch,
        "fork_prs": args.fork_prs,
        "allow_host": "true" if args.allow_host else None,
    }
    return {key: value for key, value in given.items() if value}


def _engine_runs(args: argparse.Namespace) -> bool:
    return ring(home_of(args))  # only an engine hears it


def _say_restart(running: bool) -> None:
    if running:
        talk("The engine that runs now reads its configuration at its start: restart it (running jobs go on).")
