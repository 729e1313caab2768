"""Words in all logs, from any page: the lines that hold them, and the log opened there."""

import shlex

import pytest

from app.cli.main import main
from engine.store.logs.writer import LogWriter, Progress
from engine.store.queue import StepNews
from tests.app.tui.harness import tui_over
from tests.engine.fakes import jobs


@pytest.fixture
def logged(site):
    """A site with two attempts that failed, each with a long log."""
    lab = site.lab
    run = lab.run(jobs(build=""))
    for word in ("needle", "thimble"):
        lease, now = lab.start(), lab.clock.now()
        lab.store.queue.begin(lease, ["make"], None)
        log = LogWriter(lab.store.log_path(lease.run_id, lease.job_id, lease.number), 1 << 20)
        log.begin_step(0, now)
        lines = [f"line {number}" for number in range(300)]
        lines[200] = f"here is the {word} in the hay"
        data = "\n".join([*lines, ""]).encode()
        log.append(0, data, Progress(len(data)), now)
        log.end_step(0, now)
        log.close()
        lab.store.queue.steps(lease, [StepNews(0, "started", now)])
        lab.fail(lease)
        if word == "needle":
            lab.retry(run, "build")
    return site


def test_words_lead_to_the_line_in_the_log_of_the_attempt_that_said_them(logged):
    async def deed(tui):
        await tui.press("2", "F")
        await tui.shows("words")
        await tui.press(*"needle", "enter")
        await tui.shows("here is the needle in the hay", "build", "make", "201", "$ treadle search needle")
        await tui.press("enter")
        await tui.until(lambda: "CI #1" in tui.lines[0])
        await tui.shows("try 1", "here is the needle in the hay")
        await tui.press("escape", "escape")
        await tui.until(lambda: "Queue" in tui.lines[0])

    tui_over(logged, deed)


def test_other_words_are_asked_for_by_the_slash_and_nothing_found_is_said(logged, capsys):
    twins = []

    async def deed(tui):
        await tui.press("F", *"thimble", "enter")
        await tui.shows("the thimble in the hay", "try 2")
        await tui.press("slash", *" nowhere", "enter")
        await tui.shows("No log of what has ended says that.")
        await tui.press("slash", "escape")
        await tui.press("slash", "ctrl+u", *'"thimble in the"', "enter")
        await tui.shows("the thimble in the hay")
        twins.append(tui.lines[0].partition("$ ")[2].strip())
        await tui.press("slash", "ctrl+u", *"%%", "enter")
        await tui.shows("'%%' holds no word to look for. Words are letters and digits.")
        assert "thimble in the hay" not in tui.text

    tui_over(logged, deed)
    program, *line = shlex.split(twins[0])
    assert program == "treadle" and main([*line, "--home", str(logged.home)]) == 0
    assert "thimble in the hay" in capsys.readouterr().out


def test_who_leaves_without_words_is_where_they_were(site):
    async def deed(tui):
        await tui.press("2", "F")
        await tui.shows("words")
        await tui.press("escape")
        await tui.until(lambda: "Queue" in tui.lines[0])

    tui_over(site, deed)
