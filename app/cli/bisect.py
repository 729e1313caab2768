"""`treadle bisect`: find the commit that broke a job, by running that job alone at commits in between."""

import argparse
import sys

from app.cli.bisect_source import Searches, Told, searches_of
from app.cli.bisect_text import Teller, search_lines
from app.cli.interrupts import Interrupts
from app.cli.naming import find_either
from app.cli.options import count
from app.cli.output import print_json, talk
from app.cli.reads import Reads
from engine.core.errors import EngineError, SettingsError
from engine.core.records import Job, Run
from engine.core.states import BisectStatus, JobStatus

RUNNING = str(BisectStatus.RUNNING)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", nargs="?", metavar="JOB|RUN", help="the job that failed (34, j34, RUN/NAME), or its run (r12, latest)"
    )
    parser.add_argument("--good", metavar="REV", help="a commit where it passed (default: the newest green one known)")
    parser.add_argument("--bad", metavar="REV", help="a commit where it fails (default: the job's own)")
    parser.add_argument("--no-wait", action="store_true", help="begin, and leave it to the engine")
    parser.add_argument("--list", action="store_true", help="list the searches, the latest first")
    parser.add_argument("--cancel", type=count, metavar="ID", help="end a search, and the run of its trial")
    parser.add_argument("--json", action="store_true", help="print JSON: a line for each trial, then the search")


def execute(args: argparse.Namespace) -> int:
    wanted = [args.target is not None, args.list, args.cancel is not None]
    if sum(wanted) != 1:
        raise SettingsError("Name a job that failed, or --list, or --cancel ID.")
    if (args.good or args.bad or args.no_wait) and args.target is None:
        raise SettingsError("--good, --bad and --no-wait are for a search that begins: name a job.")
    with searches_of(args) as searches:
        if args.list:
            found = searches.newest()
            if args.json:
                print_json(found)
            elif found:
                print(*search_lines(found), sep="\n")
            else:
                talk("No search has begun yet.")
            return 0
        if args.cancel is not None:
            done = searches.cancel(args.cancel)
            if args.json:
                print_json({"kind": "bisect", "id": args.cancel, "done": done, "engine": searches.heard()})
            else:
                print(done)
            return 0
        job = job_of(searches.queries, find_either(searches.queries, args.target, jobs_first=True))
        return _search(searches, job, args)


def job_of(queries: Reads, target: Job | Run) -> Job:
    """Return the job to search for: of a run the one that failed. Raises EngineError where that is not one."""
    if isinstance(target, Job):
        return target
    broken = (JobStatus.FAILED, JobStatus.TIMED_OUT)
    failed = [job for job in queries.jobs(target.id) if job.status in broken and not job.is_call]
    blamed = [job for job in failed if not job.tolerated] or failed
    if len(blamed) != 1:
        names = ", ".join(f"j{job.id} ({job.name})" for job in blamed)
        hint = f"Name one: {names}." if names else ""
        raise EngineError(f"{len(blamed) or 'No'} jobs of run {target.id} failed.", hint)
    return blamed[0]


def _search(searches: Searches, job: Job, args: argparse.Namespace) -> int:
    interrupts = Interrupts()
    teller = Teller(args.json, sys.stdout.isatty() and not args.json)
    with interrupts:
        told = searches.start(job.id, args.good, args.bad)
        if args.no_wait:
            if args.json:
                print_json(dict(told))
            else:
                teller.begin(told)
                print(f"It goes on as bisect {told['id']}; `treadle bisect --list` shows how far it is.")
            if not searches.heard():
                talk("No engine runs on this home now; the next one takes it up.")
            return 0
        interrupts.hold()
        teller.begin(told)
        told = _follow(searches, told, teller, interrupts)
    teller.end(told)
    if interrupts.count:
        return 130
    return 0 if told["status"] == BisectStatus.FOUND else 1


def _follow(searches: Searches, told: Told, teller: Teller, interrupts: Interrupts) -> Told:
    """Show a search until it ends; an interrupt ends it, and waits until its trial is out of the way."""
    heeded = False
    for _ in searches.following(told, interrupts.news):
        told = searches.get(told["id"])
        teller.show(told)
        if interrupts.count and not heeded:
            heeded = True
            talk("Cancelling the search.")
            try:
                searches.cancel(told["id"])
            except EngineError:
                pass  # it has just ended
        elif told["status"] != RUNNING and (not heeded or interrupts.count > 1 or _is_out(searches, told)):
            break
    return told


def _is_out(searches: Searches, told: Told) -> bool:
    """Return whether the run of the last trial is over."""
    last = told["trials"][-1] if told["trials"] else None
    run = searches.queries.run(last["run"]) if last is not None and last["run"] is not None else None
    return run is None or run.finished_at is not None
