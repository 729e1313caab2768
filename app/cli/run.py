"""`treadle run`: runs workflows of a repository on this machine to the end, and shows them while they run."""

import argparse
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.given import actor_here, pairs_of
from app.cli.interrupts import Interrupts
from app.cli.options import count
from app.cli.output import talk
from app.cli.place import home_of
from app.cli.renderers import renderer_for
from app.cli.result import Result
from engine.core.clock import SystemClock
from engine.core.errors import EngineError, GitError, SettingsError
from engine.settings.model import Settings, load

if TYPE_CHECKING:
    from engine.git.repository import Repo
    from engine.store.store import Store


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "workflow",
        nargs="?",
        metavar="WORKFLOW",
        help="a workflow file or name (default: all that the event triggers)",
    )
    parser.add_argument("--repo", default=".", metavar="DIR", help="the repository (default: here)")
    parser.add_argument(
        "--job", action="append", default=[], metavar="ID", help="only this job and what it needs; repeatable"
    )
    parser.add_argument(
        "--event", metavar="NAME", help="the event (default: push, or what the named workflow listens to)"
    )
    parser.add_argument("--payload", metavar="FILE", help="the event's payload, a JSON file")
    parser.add_argument("--ref", metavar="REF", help="run this commit (default: the working tree as it is)")
    parser.add_argument(
        "--input", action="append", default=[], metavar="K=V", help="an input of workflow_dispatch; repeatable"
    )
    parser.add_argument(
        "--var", action="append", default=[], metavar="K=V", help="a value of the vars context; repeatable"
    )
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="K=V",
        help="a secret (K alone: from the environment); repeatable",
    )
    parser.add_argument(
        "--env", action="append", default=[], metavar="K=V", help="a variable for every step; repeatable"
    )
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="L=IMAGE",
        help="map a runs-on label to an image, `swarm:` and an image, or `host`; repeatable",
    )
    parser.add_argument("--executor", choices=("docker", "host", "swarm"), help="where jobs without a container run")
    parser.add_argument(
        "--hold", action="store_true", help="keep the box of a step that fails its job, for `shell` and `retry --here`"
    )
    parser.add_argument(
        "--checkpoint", action="store_true", help="keep what each job is after its green steps, for `retry --step`"
    )
    parser.add_argument("--workers", type=count, metavar="N", help="jobs at once (default: the number of CPUs)")
    parser.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    parser.add_argument("--json", action="store_true", help="print JSON lines")


def execute(args: argparse.Namespace) -> int:
    home = home_of(args)
    settings = _settings(args, home)
    interrupts = Interrupts()
    try:
        with interrupts:
            return _run(args, settings, home, interrupts)
    except ExceptionGroup as errors:  # several workflows that cannot be run
        for error in errors.exceptions:
            talk(str(error))
        return 2


def _run(args: argparse.Namespace, settings: Settings, home: Path, interrupts: Interrupts) -> int:
    from app.cli.run_session import RunSession
    from engine.engine import executors_of
    from engine.store.store import open_store
    from engine.worker.precheck import Wanted, check

    clock = SystemClock()
    started_s = clock.monotonic_s()
    store = open_store(home, create=True)
    executors = executors_of(settings, store)
    try:
        _warm_up(executors, args.executor or settings.executor)
        from engine.control.asks import intake

        prepared = _prepare(args, store, settings)
        for note in prepared.notes:
            talk(note)
        if not prepared.runs:
            _say_why(prepared.verdicts, args.event or "push")
            return 2
        labels = {**settings.labels, **pairs_of(args.label, "--label")}
        executor = args.executor or settings.executor
        wanted = [
            Wanted(run.workflow, run.plan.jobs, run.contexts, labels, executor, run.calls) for run in prepared.runs
        ]
        check(wanted, executors, talk)
        renderer = renderer_for(as_json=args.json, plain=args.plain)
        session = RunSession(store, settings, executors, renderer, interrupts, actor_here())
        interrupts.hold()
        run_ids = intake.record(store, prepared, actor_here(), clock)
        result = session.see_through(run_ids, started_s)
    finally:
        executors.close()
        store.close()
    if interrupts.count:
        return 130
    return _exit_code(result, session.unavailable)


def _settings(args: argparse.Namespace, home: Path) -> Settings:
    settings = load(home, Path(args.config) if args.config else None, os.environ, serves=False)
    for note in settings.notes:
        talk(note)
    if args.workers is not None:
        settings = replace(settings, workers=args.workers)
    return settings


def _prepare(args: argparse.Namespace, store: "Store", settings: Settings) -> Any:
    from engine.control.asks.intake import LocalRequest, prepare
    from pipelines.dispatch_inputs import InputError

    repo = _repo(Path(args.repo))
    request = LocalRequest(
        repo=repo,
        rev=args.ref,
        workflow=_workflow(args.workflow, repo.root),
        jobs=frozenset(args.job),
        event=args.event,
        payload=_payload(args.payload),
        inputs=pairs_of(args.input, "--input"),
        variables={**settings.vars_of(repo.name), **pairs_of(args.var, "--var")},
        secrets=pairs_of(args.secret, "--secret", from_environment=True),
        env=pairs_of(args.env, "--env"),
        labels=pairs_of(args.label, "--label"),
        executor=args.executor,
        checkpoint=args.checkpoint,
        hold=args.hold,
        actor=actor_here(),
    )
    try:
        return prepare(store, request, settings.actions)
    except InputError as error:
        raise SettingsError(str(error), "Inputs are given with `--input NAME=VALUE`.") from None


def _repo(path: Path) -> "Repo":
    from engine.git import repository

    found = repository.discover(path)
    if found is None:
        if not path.is_dir():
            raise GitError(f"There is no folder {path.resolve()}.", "--repo names the one to run.")
        raise GitError(
            f"{path.resolve()} is not in a Git repository.", "`git init` makes one; --repo names another folder."
        )
    return found


def _workflow(given: str | None, root: Path) -> str | None:
    """Return a workflow file's path in the repository, or what was given as a name. A file's bare name will do."""
    if given is None:
        return None
    from engine.git.repository import WORKFLOW_FOLDERS

    path = Path(given)
    for candidate in (path, root / path, *(root / folder / given for folder in WORKFLOW_FOLDERS)):
        if candidate.is_file() and candidate.resolve().is_relative_to(root.resolve()):
            return candidate.resolve().relative_to(root.resolve()).as_posix()
    return given


def _payload(path: str | None) -> Mapping[str, Any] | None:
    if path is None:
        return None
    try:
        payload = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise SettingsError(f"The payload {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise SettingsError(f"The payload {path} is not JSON: {error}.") from None
    if not isinstance(payload, dict):
        raise SettingsError(f"The payload {path} is not a JSON object.")
    return payload


def _warm_up(executors: Any, kind: str) -> None:
    """Load what the executor needs while the workflow is read; what goes wrong shows when it is asked for."""

    def load_it() -> None:
        try:
            executors.get(kind)
        except EngineError:
            pass  # the check before the run says it, with the fix

    threading.Thread(target=load_it, name="warm-up", daemon=True).start()


def _say_why(verdicts: Mapping[str, str], event: str) -> None:
    talk(f"No workflow runs for {event}:")
    for path, reason in verdicts.items():
        talk(f"  {path}: {reason}")


def _exit_code(result: Result, unavailable: bool) -> int:
    if result.status == "success":
        return 0
    return 3 if unavailable else 1
