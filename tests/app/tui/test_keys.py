"""Which keys are told, where and in which words: in the help and in the bar."""

import pytest
from textual.binding import Binding

from app.tui import pressing
from app.tui.key_words import ALWAYS, BRIEF, HEADINGS, LAST, TOGETHER, heading_of, joined
from app.tui.page import Page
from app.tui.pages.events import EventsPage
from app.tui.pages.queue import QueuePage
from app.tui.pages.run import RunPage
from app.tui.pages.runs import RunsPage
from app.tui.pages.slo import SloPage
from app.tui.tui import TreadleApp
from widgets.attempts_pane import AttemptsPane
from widgets.log_pane import LogPane
from widgets.timeline_pane import TimelinePane

OWNERS = (TreadleApp, Page, RunsPage, RunPage, QueuePage, EventsPage, SloPage, LogPane, TimelinePane, AttemptsPane)
IDS = {
    one.id
    for owner in OWNERS
    for own in owner.__mro__
    for one in own.__dict__.get("BINDINGS", ())
    if isinstance(one, Binding) and one.id
}
EVERYWHERE = {key for one in TreadleApp.BINDINGS if isinstance(one, Binding) for key in one.key.split(",")}


@pytest.mark.parametrize("id", [*BRIEF, *ALWAYS, *(id for ids in TOGETHER for id in ids)])
def test_what_is_laid_out_is_a_key_that_there_is(id):
    assert id in IDS


@pytest.mark.parametrize("start", [start for table in (HEADINGS, LAST) for ids in table.values() for start in ids])
def test_every_heading_stands_over_keys(start):
    assert any(heading_of(id, {"": (start,)}) == "" for id in IDS)


@pytest.mark.parametrize("owner", [owner for owner in OWNERS if owner is not TreadleApp], ids=lambda one: one.__name__)
def test_a_key_that_works_everywhere_means_the_same_everywhere(owner):
    """But for ctrl+p and the like of a prompt, which is no page."""
    own = {key for one in owner.__dict__.get("BINDINGS", ()) for key in one.key.split(",")}
    assert not own & EVERYWHERE


def test_no_pane_of_a_run_takes_a_key_of_its_page():
    of_page = {key for one in RunPage.BINDINGS for key in one.key.split(",")}
    of_log = {key for own in LogPane.__mro__ for one in own.__dict__.get("BINDINGS", ()) for key in one.key.split(",")
              if isinstance(one, Binding)}  # fmt: skip
    shared = {"escape", "ctrl+r", "e", "E", "d"}  # a search has its own; e is the next failure; d compares a log
    assert of_page & of_log <= shared


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["next match", "previous match"], "next, previous match"),
        (["page up", "page down"], "page up, down"),
        (["half a page up", "half a page down"], "half a page up, down"),
        (["the attempt before", "the attempt after"], "the attempt before, after"),
        (["up", "down"], "up, down"),
        (["cancel"], "cancel"),
        (["quit", "quit"], "quit, quit"),
    ],
)
def test_what_keys_do_in_one_line_says_once_what_they_share(words, line):
    assert joined(words) == line


RUN = {"status": "failed"}


@pytest.mark.parametrize(
    ("run", "job", "ids"),
    [
        ({"status": "running"}, None, ("run.cancel",)),
        ({"status": "blocked"}, None, ("run.approve", "run.explain", "run.cancel")),
        ({"status": "success"}, {"status": "success", "held_until": None}, ("run.retry",)),
        (RUN, {"status": "success", "held_until": None}, ("run.retry_failed", "run.explain")),
        (RUN, {"status": "failed", "held_until": None},
         ("run.retry_failed", "run.explain", "job.compare", "job.bisect")),
        ({"status": "running"}, {"status": "timed_out", "held_until": None},
         ("run.retry_failed", "run.cancel", "run.explain", "job.compare", "job.bisect")),
        (RUN, {"status": "failed", "held_until": "2030-01-01T00:00:00Z"}, pressing.HELD),
        ({"status": "running"}, {"status": "running", "held_until": None},
         ("run.cancel", "run.explain", "held.toggle")),
    ],
)  # fmt: skip
def test_the_bar_begins_with_what_matters_as_things_stand(run, job, ids):
    assert pressing.on_job(run, job) == ids
    assert set(ids) <= IDS
