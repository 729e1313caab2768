"""`treadle dispatch`: ask for a run of a workflow of a configured repository, as `workflow_dispatch` does."""

import argparse
from difflib import get_close_matches

from app.cli.given import actor_here, pairs_of
from app.cli.naming import home_of
from app.cli.output import print_json, talk
from app.cli.repo_names import settings_here
from engine.control import commands
from engine.core.errors import SettingsError
from engine.doorbell import ring
from engine.store.store import open_store

NAME = "dispatch"
HELP = "ask for a run of a workflow of a configured repository"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", metavar="REPO", help="a repository of treadle.yml, such as team/site")
    parser.add_argument("workflow", metavar="WORKFLOW", help="its path, file name or name; it says workflow_dispatch")
    parser.add_argument("--ref", metavar="REF", help="a branch, or refs/tags/TAG (default: the default branch)")
    parser.add_argument("--input", action="append", default=[], metavar="K=V", help="an input; repeatable")
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    settings = settings_here(args)
    repo = settings.repo(args.repo)
    if repo is None:
        names = [known.name for known in settings.repos]
        near = get_close_matches(args.repo, names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "`treadle repo add NAME URL` puts it into the configuration."
        raise SettingsError(f"There is no repository {args.repo!r}.", hint)
    inputs = pairs_of(args.input, "--input")
    store = open_store(home_of(args), create=True)
    try:
        event_id = commands.dispatch(store, repo, args.workflow, args.ref, inputs, actor_here())
    finally:
        store.close()
    heard = ring(home_of(args))
    if args.json:
        print_json({"event": event_id, "engine": heard})
        return 0
    print(f"Asked for {args.workflow} of {repo.name}, as event {event_id}.")
    if not heard:
        talk("No engine runs on this home now; the next one takes it up.")
    return 0
