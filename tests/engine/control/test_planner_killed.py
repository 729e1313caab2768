"""kill -9 at any moment of planning: every event is planned once, and none is lost. A real process is killed."""

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from engine.core.clock import SystemClock
from engine.settings.model import RepoSettings
from engine.store.inbox import PLANNED
from tests.engine.control.post_office import NAME, PostOffice, Site, on

ROOT = Path(__file__).resolve().parents[3]
KILLS = 8
EVENTS = 12  # for each kill


def plan_for(home: Path, url: str, seconds: float) -> None:
    """Have a process of its own plan for so long, then kill it."""
    line = [sys.executable, "-m", "tests.engine.control.planner_process", str(home), NAME, url]
    process = subprocess.Popen(line, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == b"planning\n"
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_a_kill_neither_loses_an_event_nor_plans_it_twice(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.commit(one=on("{push: {branches: [main]}}"), two=on("{push: {branches: [main]}}"))
    office = PostOffice(tmp_path / "home", RepoSettings(NAME, str(site.root)), clock=SystemClock())
    dice = random.Random(20_300_102)
    events, quiet = [], []
    half_done = 0
    for _ in range(KILLS):
        sha = site.commit("Again")
        for _ in range(EVENTS):  # what starts nothing is settled in batches in between
            quiet += [office.push(sha, ref="refs/heads/other") for _ in range(2)]
            events.append(office.push(sha))
        plan_for(office.store.home, str(site.root), dice.uniform(0.0, 0.3))
        half_done += 0 < office.store.inbox.backlog() < len(events + quiet)
    for event_id in events + quiet:  # a kill may have come where a fetch was to be tried again later
        office.settled(event_id)
    assert half_done >= 1
    assert {office.event(event_id).status for event_id in events + quiet} == {PLANNED}
    made = Counter((run.workflow_path, run.number) for run in office.runs)
    assert set(made.values()) == {1}
    assert len(office.runs) == 2 * len(events)
    assert [len(office.store.queries.jobs(run.id)) for run in office.runs] == [1] * len(office.runs)
    office.close()
