"""The page of promises: what the API tells as gauges and lines, and over a real server."""

import pytest

from app.tui.presenters import slo as presenter
from engine.core.slo import Measured, SloReport, Spread, window
from engine.core.slo_history import Bucket, SloHistory
from tests.app.tui.harness import tui_over
from tests.engine.fakes import FAILURE, START, jobs

NOTHING = Measured([], [], 0, {})
BUSY = Measured([0.5] * 19 + [9.0], [0.2], 97, {"code": 2, "system": 1})
QUIET, LATE = Bucket(START, Spread(0), 0, 0, 0), Bucket(START, Spread(2, 0.5, 9.0, 9.0), 2, 1, 1)


def report(**measured):
    made = tuple(window(name, one, 5.0) for name, one in measured.items())
    return SloReport(START, 5.0, 0.95, made).as_json()


def test_a_window_tells_how_each_promise_is_kept_and_what_is_left():
    (one,) = presenter.windows(report(hour=BUSY))
    assert (one.trigger.value, one.trigger.left) == ("0.5 s / 0.5 s / 9.0 s of 5.0 s", 0.0)
    assert (one.completion.value, one.completion.left) == ("97 % of 95 %", 0.4)
    assert one.note == "failed: own code 2, system 1, of 100; queue wait 0.2 s / 0.2 s / 0.2 s"


def test_a_window_in_which_nothing_happened_tells_its_targets():
    (one,) = presenter.windows(report(hour=NOTHING))
    assert (one.trigger.value, one.completion.value, one.note) == ("target 5.0 s", "target 95 %", "")
    assert one.trigger.left is one.completion.left is None


def test_a_history_becomes_lines_with_gaps_where_nothing_happened():
    told = SloHistory("1h", START, 5.0, 0.95, (QUIET, LATE)).as_json()
    trigger, completion = presenter.trigger_plot(told), presenter.completion_plot(told)
    assert [(line.name, line.values) for line in trigger.series] == [("p95", (None, 9.0)), ("p50", (None, 0.5))]
    assert (trigger.target, trigger.since) == (5.0, "1 h ago")
    assert [line.values for line in completion.series] == [(None, 0.5), (None, 0.75)]
    assert (completion.target, completion.unit, completion.low) == (0.95, "%", 0.4)


@pytest.mark.parametrize(("share", "said"), [(0.95, "95 %"), (0.999, "99.9 %"), (0.91666, "91.67 %"), (1.0, "100 %")])
def test_a_target_is_never_rounded_up_to_more_than_it_is(share, said):
    assert presenter.percent(share) == said


@pytest.fixture
def worked(site):
    """A site with two runs, one of which failed."""
    for delivery, outcome in (("1", None), ("2", FAILURE)):
        repo = site.lab.store.runs.repo("team/site", "/srv/site")
        event = site.lab.store.runs.event(repo, delivery, "push", {}, site.lab.clock.now())[0]
        site.lab.run(jobs(a=""), event_id=event)
        site.lab.clock.advance(2)
        lease = site.lab.start()
        site.lab.finish(lease, outcome) if outcome else site.lab.finish(lease)
    return site


def test_every_window_and_both_plots_are_in_view(worked):
    async def deed(tui):
        await tui.press("5")
        await tui.shows("SLO", "last 1h", "last 24h", "last 7d", "p95 2.0 s", "target 95 %")
        assert tui.text.count("50 % of 95 %") == 3
        assert "failed: own code 1, system 0, of 2" in tui.text

    tui_over(worked, deed)


def test_keys_choose_the_window_and_it_is_remembered(worked, tmp_path):
    async def deed(tui):
        await tui.press("5")
        await tui.shows("24 h ago")
        await tui.press("]")
        await tui.shows("7 d ago", "last 7d")
        await tui.press("]", "left", "h", "[")
        await tui.shows("1 h ago")
        assert "last 1h" in tui.lines[0]
        assert tui.app.prefs.get("slo.window", "") == "1h"

    tui_over(worked, deed)


def test_a_click_on_a_window_chooses_it(worked):
    async def deed(tui):
        await tui.press("5")
        await tui.shows("24 h ago")
        await tui.pilot.click("#window-7d .head", offset=(4, 0))
        await tui.shows("7 d ago")

    tui_over(worked, deed)


def test_where_there_is_little_room_only_the_chosen_window_stays_beside_the_plots(worked):
    async def deed(tui):
        await tui.press("5")
        await tui.shows("> last 24h", "24 h ago", "target 5.0 s")
        assert "last 7d" not in tui.text and "last 1h" not in tui.text
        assert tui.text.isascii()
        await tui.press("]")
        await tui.shows("> last 7d")

    tui_over(worked, deed, (80, 24), ascii=True)


def test_what_happens_meanwhile_comes_into_view(worked, monkeypatch):
    from app.tui.pages.slo import SloPage

    monkeypatch.setattr(SloPage, "PACE_S", 0.0)

    async def deed(tui):
        await tui.press("5")
        await tui.shows("of 2")
        worked.lab.run(jobs(b=""))
        worked.lab.work()
        worked.lab.clock.advance(60)
        await tui.shows("of 3")

    tui_over(worked, deed)
