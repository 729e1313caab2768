"""What forges and webhooks hear of runs: a real store, real threads, real HTTP; only the clock is the test's."""

import logging
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from engine.control.telling.reporter import Reporter
from engine.core.retry import Outcome
from engine.settings.live import LiveSettings
from engine.settings.model import Notify, RepoSettings, Settings
from engine.store.tables.home import OutboxRow
from tests.engine.control.fake_forge import FakeForge
from tests.engine.fakes import START, Lab, jobs

TOKEN = "t0ken-of-mine"
SHA = "1" * 40
PATIENCE_S = 20.0


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    forge = FakeForge()
    yield forge
    forge.close()


@pytest.fixture
def other() -> Iterator[FakeForge]:
    forge = FakeForge()
    yield forge
    forge.close()


class Desk:
    """A lab whose runs come from a forge, and the reporter of their repositories."""

    def __init__(self, lab: Lab, *repos: RepoSettings, notify: tuple[Notify, ...] = ()) -> None:
        self.lab = lab
        settings = Settings(home=lab.store.home, repos=repos, notify=notify)
        self.reporter = Reporter(lab.store, LiveSettings(settings), lab.bus, lab.clock)
        self.events = 0

    def run(
        self, text: str = "", source: str = "gitea", delivery: str = "", repo: str = "team/site", **new: Any
    ) -> int:
        text = text or jobs(a="")
        self.events += 1
        with self.lab.store.database.write():
            repo_id = self.lab.store.runs.repo(repo, "/srv/site")
            event_id, _ = self.lab.store.runs.event(repo_id, delivery or f"d{self.events}", "push", {}, START)
            from engine.store.tables.events import EventRow

            EventRow.update(source=source).where(EventRow.id == event_id).execute()
        run_id = self.lab.run(text, repo, event_id=event_id, **new)
        self.lab.bus.wake("news")
        return run_id

    def work(self, **outcomes: Outcome) -> None:
        self.lab.work(outcomes)
        self.lab.bus.wake("news")

    def pass_time(self, seconds: float) -> None:
        self.lab.clock.advance(seconds)
        self.lab.bus.wake("outbox")

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        listener = self.lab.bus.listen("outbox")
        for _ in range(int(PATIENCE_S / 0.02)):
            if found := holds():
                return found
            listener.wait(0.02)
        raise AssertionError(f"never: {what}")

    def all_read(self) -> None:
        """Wait until the reporter has read all changes there are."""
        self.until(lambda: self.reporter._seen == self.lab.store.queries.last_sequence(), "all is read")

    def all_said(self) -> None:
        self.all_read()
        self.until(lambda: self.lab.store.outbox.waiting() == 0, "all is said")

    def problems(self) -> list[str]:
        return [row.problem for row in OutboxRow.select().order_by(OutboxRow.id)]


@pytest.fixture
def desk(lab: Lab, forge: FakeForge) -> Iterator[Desk]:
    desk = Desk(lab, repo_at(forge))
    desk.reporter.start()
    yield desk
    desk.reporter.stop()


def repo_at(at: FakeForge, name: str = "team/site", **more: Any) -> RepoSettings:
    return RepoSettings(name=name, url=f"{at.url}/{name}.git", token=TOKEN, **more)


FAILED = Outcome("failed", "failure", 1, "exit code 1")


def test_a_commit_hears_of_its_run_from_pending_to_the_end(desk, forge):
    desk.run(jobs(a="", b="needs: a"))
    forge.until(1)
    desk.lab.finish(desk.lab.start())
    desk.lab.bus.wake("news")
    forge.until(2)
    desk.lab.clock.advance(80)
    desk.work()
    forge.until(3)
    desk.all_said()
    assert [one.body["state"] for one in forge.heard] == ["pending", "pending", "success"]
    assert {one.body["context"] for one in forge.heard} == {"treadle/CI"}
    assert {one.path for one in forge.heard} == {f"/api/v1/repos/team/site/statuses/{SHA}"}
    assert [one.body["description"] for one in forge.heard] == ["Queued", "Running, 1/2 jobs", "2/2 jobs, 1 m 20 s"]
    assert forge.heard[0].headers["authorization"] == f"token {TOKEN}"
    assert desk.problems() == ["", "", ""]


def test_a_failure_is_told_and_a_rerun_is_pending_again(desk, forge):
    run = desk.run(jobs(a="", b=""))
    desk.work(a=FAILED)
    desk.all_said()
    assert forge.states() == ["pending", "failure"]
    assert forge.heard[-1].body["description"] == "1/2 jobs, 0.0 s; failed: a"
    desk.lab.retry(run, "a")
    desk.lab.bus.wake("news")
    desk.all_said()
    assert forge.states() == ["pending", "failure", "pending"]
    desk.work()
    desk.all_said()
    assert forge.states() == ["pending", "failure", "pending", "success"]


def go_on_by_hand(desk: Desk, run_id: int) -> None:
    """Have job a go on in the box that it left to a person."""
    begin_at = {"base": "held", "step": 0, "attempt": 1, "skip": False}
    job = desk.lab.named(run_id, "a")
    desk.lab.store.wishes.ask_retry(run_id, [job.id], "asked by ada", "ada", desk.lab.clock.now(), begin_at)
    desk.lab.scheduler.tick()


def test_what_was_patched_by_hand_turns_no_commit_green(desk, forge):
    run = desk.run()
    desk.work(a=FAILED)
    desk.all_said()
    go_on_by_hand(desk, run)
    desk.work()
    desk.all_said()
    assert desk.lab.status(run) == "success"
    assert forge.states()[-1] == "failure"
    assert forge.heard[-1].body["description"] == "patched by hand: a; 1/1 jobs, 0.0 s"
    desk.lab.retry(run, "a")
    desk.work()
    desk.all_said()
    assert forge.states()[-1] == "success"


@pytest.mark.parametrize(
    ("source", "delivery", "told"),
    [("gitea", "", True), ("poll", "", True), ("person", "dispatch-1", True), ("schedule", "", True),
     ("person", "local-1", False), ("watch", "", False)],
)  # fmt: skip
def test_only_commits_that_the_forge_knows_are_told(lab, forge, source, delivery, told):
    desk = Desk(lab, repo_at(forge, forge="gitea"))
    desk.run(source=source, delivery=delivery)
    desk.reporter.start()
    try:
        desk.all_said()
        assert bool(forge.heard) == told
    finally:
        desk.reporter.stop()


@pytest.mark.parametrize("repo", [{"token": None}, {"forge": "none"}, {"url": "/srv/site.git"}])
def test_without_a_token_or_a_forge_nobody_is_told(lab, forge, repo):
    settings = {"name": "team/site", "url": f"{forge.url}/team/site", "token": TOKEN, **repo}
    desk = Desk(lab, RepoSettings(**settings))
    desk.run()
    desk.reporter.start()
    desk.all_read()
    desk.reporter.stop()
    assert OutboxRow.select().count() == 0


def test_a_lane_keeps_its_order_and_others_do_not_wait_for_it(desk, forge):
    forge.answers.append((500, {}))
    desk.run()
    forge.until(1)
    desk.run(sha="2" * 40)
    forge.until(2)
    desk.until(lambda: "500" in desk.problems()[0], "the first is put off")
    assert [one.path[-1] for one in forge.heard] == ["1", "2"]
    desk.work()
    desk.pass_time(5)
    desk.all_said()
    assert forge.states("1") == forge.states("2") == ["pending", "success"]


def test_what_failed_is_tried_again_with_backoff(desk, forge):
    forge.answers.extend([(500, {}), (502, {}), (500, {})])
    desk.run()
    for count, wait_s in ((1, 5), (2, 10), (3, 20)):
        forge.until(count)
        desk.until(lambda: next(iter(desk.lab.store.outbox.receivers().values())) > desk.lab.clock.now(), "put off")
        at = next(iter(desk.lab.store.outbox.receivers().values()))
        assert at - desk.lab.clock.now() == timedelta(seconds=wait_s)
        desk.pass_time(wait_s)
    desk.all_said()
    assert len(forge.heard) == 4
    assert desk.problems() == [""]


def test_a_receiver_says_how_long_it_wants_to_be_left_alone(desk, forge):
    forge.answers.append((429, {"Retry-After": "120"}))
    desk.run()
    forge.until(1)
    desk.until(lambda: "429" in desk.problems()[0], "put off")
    desk.run(sha="2" * 40)
    desk.until(lambda: len(desk.problems()) == 2, "the second is written")
    desk.pass_time(119)
    assert len(forge.heard) == 1
    desk.pass_time(1)
    desk.all_said()
    assert len(forge.heard) == 3


def test_a_refusal_is_final_and_its_reason_is_kept_without_the_token(desk, forge, caplog):
    forge.answers.append((404, {}))
    with caplog.at_level(logging.DEBUG):
        desk.run()
        forge.until(1)
        desk.until(lambda: desk.problems()[0], "given up")
        desk.work()
        desk.all_said()
    assert desk.problems()[0] == "it answered 404: said token ***"
    assert forge.states()[-1] == "success"
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(list(OutboxRow.select().dicts()))


def test_a_dead_forge_keeps_no_other_waiting(lab, forge, other):
    desk = Desk(lab, repo_at(other), repo_at(forge, "team/app"))
    other.answers.extend([None] * 3)
    for number in range(3):
        desk.run(sha=f"{number}" * 40)
    desk.reporter.start()
    other.until(1)
    desk.run(repo="team/app", sha="9" * 40)
    desk.work()
    desk.until(lambda: forge.states() == ["pending", "success"], "the other forge has heard")
    assert len(other.heard) == 1
    desk.reporter.stop()  # at once, although one receiver keeps us hanging
    assert lab.store.outbox.waiting() >= 3


def test_a_forge_that_is_gone_is_asked_once_for_all_its_lanes(lab, forge):
    gone = FakeForge()
    gone.close()
    desk = Desk(lab, repo_at(gone), repo_at(forge, "team/app"))
    for number in range(5):
        desk.run(sha=f"{number}" * 40)
    desk.reporter.start()
    desk.until(lambda: any(desk.problems()), "the first is put off")
    desk.run(repo="team/app")
    forge.until(1)
    assert [bool(problem) for problem in desk.problems()] == [True, False, False, False, False, False]
    assert desk.problems()[0] == "Connection refused"
    desk.reporter.stop()


def test_what_a_dead_forge_missed_is_told_by_its_last_word(desk, forge):
    forge.answers.append((503, {}))
    desk.run()
    forge.until(1)
    desk.until(lambda: "503" in desk.problems()[0], "put off")
    desk.work()
    desk.all_read()
    assert desk.problems()[0] == "overtaken by what came after it"
    desk.pass_time(5)
    desk.all_said()
    assert forge.states() == ["pending", "success"]
    assert desk.problems()[-1] == ""


def test_after_days_nobody_is_told_any_more(desk, forge):
    forge.answers.extend([(500, {}), (500, {})])
    desk.run()
    forge.until(1)
    desk.until(lambda: "500" in desk.problems()[0], "put off")
    desk.pass_time(4 * 86400)
    desk.all_said()
    assert len(forge.heard) == 2
    assert "500" in desk.problems()[0]


def test_a_new_reporter_goes_on_where_the_last_one_stopped(lab, forge):
    first = Desk(lab, repo_at(forge))
    first.reporter.start()
    first.run()
    forge.until(1)
    first.all_said()
    first.reporter.stop()
    first.work()
    second = Desk(lab, repo_at(forge))
    second.reporter.start()
    forge.until(2)
    second.all_said()
    second.reporter.stop()
    assert [one.body["description"] for one in forge.heard] == ["Queued", "Running, 1/1 jobs", "1/1 jobs, 0.0 s"]


def test_a_kill_between_saying_and_noting_says_it_once_more_at_most(lab, forge, tmp_path):
    desk = Desk(lab, repo_at(forge))
    desk.run()
    forge.answers.append(None)  # it hears, and its answer never comes
    script = textwrap.dedent(f"""
        from pathlib import Path
        from engine.bus import Bus
        from engine.control.telling.reporter import Reporter
        from engine.settings.model import RepoSettings, Settings
        from engine.settings.live import LiveSettings
        from engine.store.store import open_store
        from tests.engine.fakes import FakeClock
        home = Path({str(lab.store.home)!r})
        repo = RepoSettings(name="team/site", url={forge.url!r} + "/team/site.git", token={TOKEN!r})
        settings = LiveSettings(Settings(home=home, repos=(repo,)))
        Reporter(open_store(home), settings, Bus(), FakeClock()).start()
        input()
    """)
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        forge.until(1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    desk.reporter.start()
    desk.all_said()
    desk.reporter.stop()
    assert [one.body["description"] for one in forge.heard] == ["Queued", "Queued"]


# -- notify ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hooked(lab: Lab, forge: FakeForge) -> Iterator[Desk]:
    keyed = forge.url.replace("://", "://ada:p%40ss@") + "/hook/k3y?room=1"
    desk = Desk(lab, notify=(Notify(keyed),))
    desk.reporter.start()
    yield desk
    desk.reporter.stop()


def test_a_webhook_hears_of_failures_and_of_what_mends_them(hooked, forge):
    for outcome in (None, FAILED, FAILED, None, None):
        hooked.run()
        hooked.work(**({"a": outcome} if outcome else {}))
    hooked.run(ref="refs/heads/other")
    hooked.work()
    forge.until(3)
    hooked.all_said()
    said = [(one.body["notice"], one.body["run"]["number"]) for one in forge.heard]
    assert said == [("failed", 2), ("failed", 3), ("fixed", 4)]
    assert forge.heard[0].path == "/hook/k3y?room=1"
    assert forge.heard[0].headers["authorization"] == "Basic YWRhOnBAc3M="
    assert forge.heard[2].body["text"] == "team/site: CI #4 works again on main (1/1 jobs, 0.0 s)"


def test_a_rerun_that_succeeds_mends_its_own_failure(hooked, forge):
    run = hooked.run()
    hooked.work(a=FAILED)
    forge.until(1)
    hooked.lab.retry(run, "a")
    hooked.work()
    assert [one.body["notice"] for one in forge.until(2)] == ["failed", "fixed"]


def test_what_was_patched_by_hand_mends_nothing(hooked, forge):
    run = hooked.run()
    hooked.work(a=FAILED)
    forge.until(1)
    go_on_by_hand(hooked, run)
    hooked.work()
    hooked.run()
    hooked.work()
    assert [(one.body["notice"], one.body["run"]["number"]) for one in forge.until(2)] == [("failed", 1), ("fixed", 2)]


def test_a_run_that_a_person_started_here_is_no_news(hooked, forge):
    hooked.run(delivery="local-1", source="person")
    hooked.work(a=FAILED)
    hooked.run()
    hooked.work(a=FAILED)
    assert [one.body["run"]["number"] for one in forge.until(1)] == [2]


def test_the_url_of_a_webhook_is_kept_nowhere(hooked, forge, caplog):
    forge.answers.append((410, {}))
    with caplog.at_level(logging.DEBUG):
        hooked.run()
        hooked.work(a=FAILED)
        forge.until(1)
        hooked.all_said()
    assert "410" in caplog.text
    for secret in ("k3y", "p%40ss", "p@ss"):
        assert secret not in caplog.text
        assert secret not in repr(list(OutboxRow.select().dicts()))


def test_what_a_receiver_has_not_heard_is_told_until_it_hears_again(desk, forge):
    store = desk.lab.store
    assert store.outbox.untold() == []
    forge.answers.append((404, {}))
    desk.run(sha="1" * 40)
    forge.until(1)
    desk.until(lambda: desk.problems()[0], "given up")
    [one] = store.outbox.untold()
    assert one.sentence == f"{forge.url} has not heard of a result of team/site: it answered 404: said token ***"
    desk.work()
    desk.all_said()
    assert store.outbox.untold() == []
