"""One run: what it opens on, what is selected by hand, attempts, sizes, and windows of every size at any moment."""

import json

import pytest

from app.tui.presenters.run import next_failed
from engine.store.logs.writer import LogWriter, Progress
from engine.store.queue import StepNews
from tests.app.tui.harness import Tui, tui_over
from tests.engine.fakes import jobs

GRAPH = jobs(build="", lint="", test="needs: build", ship="needs: [test, lint]")


def told(site) -> None:
    site.lab.bus.wake("news")
    site.lab.bus.wake("log")


def logged(site, text: str, step: str = "make", worker: str = "w1"):
    """Start what is next in the queue, and write its log; return the lease."""
    lease, now = site.lab.start(worker), site.lab.clock.now()
    site.lab.store.queue.begin(lease, ["Set up", step], None)
    log = LogWriter(site.lab.store.log_path(lease.run_id, lease.job_id, lease.number), 1 << 20)
    log.begin_step(1, now)
    data = text.encode()
    log.append(1, data, Progress(len(data)), now)
    log.end_step(1, now)
    log.close()
    site.lab.store.queue.steps(lease, [StepNews(1, "started", now)])
    return lease


async def opened(it: Tui) -> None:
    await it.press("enter")
    await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.fetched)


def jobs_pane(it: Tui) -> str:
    end = next(at for at, line in enumerate(it.lines) if line.startswith("╭─ Log"))
    return "\n".join(it.lines[:end])


def test_a_failed_run_opens_on_the_first_failed_jobs_log_at_its_error(site):
    site.lab.run(GRAPH)
    site.lab.finish(logged(site, "build says yes\n"))
    site.lab.fail(logged(site, "line\n" * 200 + "lint says no\n"))

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("lint says no", "lint failed", "ship pending", "build success")
        assert it.lines[0].startswith("Runs › CI #1 › lint")

    tui_over(site, deed)


def test_a_running_run_opens_on_what_runs_and_goes_to_the_failure_when_it_comes(site):
    site.lab.run(GRAPH)
    lease = logged(site, "build says yes\n")

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("build says yes", "build running", "lint queued", "test pending")
        site.lab.finish(lease)
        told(site)
        await it.shows("build success")
        other = logged(site, "lint says no\n")
        told(site)
        await it.shows("lint says no")
        site.lab.fail(other)
        told(site)
        await it.shows("lint failed", "exit 1")
        assert "lint says no" in it.text

    tui_over(site, deed)


@pytest.mark.parametrize(
    ("at", "step", "found"), [(1, 1, 2), (2, 1, 4), (4, 1, 2), (None, 1, 2), (4, -1, 2), (2, -1, 4), (None, -1, 4)]
)
def test_the_next_failure_is_gone_to_round_and_round(at, step, found):
    jobs = [{"id": id, "status": "timed_out" if id == 4 else "failed" if id == 2 else "success"} for id in range(1, 6)]
    assert next_failed(jobs, at, step) == found
    assert next_failed(jobs[:1], at, step) is None
    assert next_failed(jobs[1:2], 2, step) == 2


def test_what_was_acted_on_stays_in_view(site):
    site.lab.run(GRAPH)
    site.lab.finish(logged(site, "build says yes\n"))
    site.lab.fail(logged(site, "lint says no\n"))

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("lint says no", "R rerun failed")
        await it.press("T")
        await it.shows("lint pending")
        assert "› lint" in it.lines[0], "and is not left for one that ended meanwhile"

    tui_over(site, deed)


def test_a_job_that_was_chosen_by_hand_stays_chosen(site):
    site.lab.run(GRAPH)
    site.lab.finish(logged(site, "build says yes\n"))

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("build says yes")
        await it.press("g")  # to `build`, which it is on already, and by hand
        await it.press("j", "k")
        await it.until(lambda: "› build" in it.lines[0])
        site.lab.fail(logged(site, "lint says no\n"))
        told(site)
        await it.shows("lint failed")
        assert "build says yes" in it.text and "› build" in it.lines[0]

    tui_over(site, deed)


def test_attempts_have_logs_of_their_own(site):
    site.lab.run(jobs(flaky="retry: {max: 2, backoff: 1s, jitter: 0}"))
    site.lab.fail(logged(site, "the first try\n"))
    site.lab.clock.advance(5)
    site.lab.tick()
    site.lab.fail(logged(site, "the second try\n", worker="w2"))
    site.lab.clock.advance(5)
    site.lab.tick()
    site.lab.finish(logged(site, "the third try\n"))

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("the third try", "try 3", "[1 ✗][2 ✗][3 ✓]", "exit 1")
        await it.press("less_than_sign")
        await it.shows("the second try", "› try 2")
        await it.press("<", "<")
        await it.shows("the first try", "› try 1")
        await it.press(">")
        await it.shows("the second try")
        assert "the first try" not in it.text

    tui_over(site, deed)


def test_a_backoff_counts_down(site):
    site.lab.run(jobs(flaky="retry: {max: 1, backoff: 30s, jitter: 0}"))
    site.lab.fail(logged(site, "the first try\n"))

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("retrying in 30 s", "next try in 30 s")
        site.lab.clock.advance(12)
        await it.shows("retrying in 18 s", "next try in 18 s")
        assert "the first try" in it.text

    tui_over(site, deed)


def test_a_matrix_is_one_line_until_it_is_unfolded_and_that_is_remembered(site, tmp_path):
    site.lab.run(
        "jobs:\n  unit:\n    runs-on: x\n    strategy: {matrix: {n: [1, 2, 3, 4, 5, 6]}}\n    steps: [{run: 'true'}]"
    )

    async def unfolds(it: Tui) -> None:
        await opened(it)
        await it.shows("unit")
        assert "unit (4)" not in jobs_pane(it)
        await it.press("space")
        await it.until(lambda: "unit (4)" in jobs_pane(it))

    tui_over(site, unfolds, prefs=tmp_path).prefs.keep()

    async def looks(it: Tui) -> None:
        await opened(it)
        await it.until(lambda: "unit (4)" in jobs_pane(it))
        await it.press("space")
        await it.until(lambda: "unit (4)" not in jobs_pane(it))

    tui_over(site, looks, prefs=tmp_path)


def test_every_job_in_words_beside_its_sign_at_every_size(site):
    site.lab.run(GRAPH)
    site.lab.finish(logged(site, "yes\n"))
    site.lab.fail(logged(site, "lint says no\n"))

    async def deed(it: Tui) -> None:
        await opened(it)
        for size in ((80, 24), (300, 80), (120, 36), (60, 24), (140, 40), (80, 50), (240, 24)):
            await it.pilot.resize_terminal(*size)
            words = ("build success", "lint failed", "ship pending", "test queued", "lint says no")
            await it.until(lambda words=words: all(word in " ".join(it.text.split()) for word in words))
            assert max(map(len, it.lines)) <= size[0]

    tui_over(site, deed, (120, 36))


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (300, 4), (5, 80)])
def test_no_window_is_too_small_to_live_in(site, size):
    site.lab.run(GRAPH)
    site.lab.fail(logged(site, "lint says no\n"))

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("lint says no")
        await it.pilot.resize_terminal(*size)
        for key in ("tab", "tab", "tab", "z", "z", "tab", "v", "down", "ctrl+down", "ctrl+left", "0", "question_mark"):
            await it.press(key)
        await it.press("escape")
        for key in "123561":
            await it.press(key)
        await it.pilot.resize_terminal(120, 36)
        await it.shows("failed")

    tui_over(site, deed)


def test_panes_are_gone_through_zoomed_and_given_other_sizes_that_last(site, tmp_path):
    site.lab.run(GRAPH)
    site.lab.fail(logged(site, "lint says no\n"))

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("╭─ Jobs", "╭─ Log", "╭─ Timeline", "╭─ Attempts", "lint says no")
        await it.press("tab", "z")
        await it.until(lambda: "╭─ Jobs" not in it.text)
        assert "lint says no" in it.text and "Timeline" not in it.text
        await it.press("tab")
        await it.shows("╭─ Timeline")
        assert "╭─ Log" not in it.text
        await it.press("z")
        await it.shows("╭─ Jobs", "╭─ Log")
        before = it.line("╭─ Log").index("╭─ Timeline")
        await it.press("ctrl+left", "ctrl+left", "ctrl+down")
        assert it.line("╭─ Log").index("╭─ Timeline") == before - 4

    app = tui_over(site, deed, prefs=tmp_path)
    app.prefs.keep()
    assert json.loads((tmp_path / "ui.json").read_text())["run.side"] == 50

    async def again(it: Tui) -> None:
        await opened(it)
        await it.shows("╭─ Timeline")
        at = it.line("╭─ Log").index("╭─ Timeline")
        await it.press("0")
        assert it.line("╭─ Log").index("╭─ Timeline") == at + 4

    tui_over(site, again, prefs=tmp_path)


def test_a_narrow_window_shows_one_pane_below_the_jobs_at_a_time(site):
    site.lab.run(GRAPH)
    site.lab.fail(logged(site, "build says no\n"))

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("build says no", "╭─ Jobs", "╭─ Log")
        assert "Timeline" not in it.text
        await it.press("tab", "tab")
        await it.shows("╭─ Timeline", "╭─ Jobs")
        assert "╭─ Log" not in it.text
        await it.press("tab")
        await it.shows("╭─ Attempts", "exit 1")
        await it.press("shift+tab", "shift+tab")
        await it.shows("build says no")

    tui_over(site, deed, (80, 24))


def test_cancelling_asks_of_the_run_or_of_the_job(site):
    run = site.lab.run(GRAPH)

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.press("c")
        await it.shows("Cancel: CI #1?", "treadle cancel r1")
        await it.press("n", "j", "C")
        await it.shows("Cancel this job: lint?")
        await it.press("y")
        await it.until(lambda: it.told)
        site.lab.tick()
        told(site)
        await it.shows("lint cancelled", "build queued")

    tui_over(site, deed)
    assert site.lab.statuses(run)["build"] == "queued"


def test_cancelling_again_asks_whether_it_ends_at_once(site):
    run = site.lab.run(GRAPH)
    lease = site.lab.start()

    async def deed(it: Tui) -> None:
        await opened(it)
        for question, answer in (
            ("Cancel: CI #1?", "is being cancelled."), ("End at once: CI #1?", f"Run {run} is ended at once."),
            ("End at once: CI #1?", f"Run {run} is being ended at once already."),
        ):  # fmt: skip
            await it.press("c")
            await it.shows(question, "treadle cancel r1")
            await it.press("y")
            await it.until(lambda answer=answer: any(answer in told for told in it.told))
            site.lab.tick()
            told(site)
            await it.until(lambda: it.app.page.run["cancel_asked_at"] is not None)

    tui_over(site, deed)
    assert site.lab.store.queue.cancel_asked()[lease.job_id][1]


def test_escape_goes_back_and_what_was_fetched_meanwhile_does_no_harm(site):
    site.lab.run(GRAPH)

    async def deed(it: Tui) -> None:
        for _ in range(6):
            await it.pilot.press("enter", "escape")
        for _ in range(3):
            await it.pilot.press("enter", "2", "1", "escape")
        await it.until(lambda: type(it.app.page).__name__ == "RunsPage")
        await it.shows("queued")

    tui_over(site, deed)


def test_help_shows_the_pages_acting_keys_and_the_logs_keys_without_scrolling(site):
    site.lab.run(GRAPH)

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.press("question_mark")
        await it.shows("Keys", "cancel", "failed only", "follow the end", "previous error", "save the log", "approve")
        await it.press(*"follow")
        await it.hides("failed only")
        assert "follow the end" in it.text

    tui_over(site, deed, (140, 40))
