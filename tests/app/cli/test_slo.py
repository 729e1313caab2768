"""The table of `treadle slo`, from a report."""

import re

from app.cli.slo import history_lines, lines
from engine.core.slo import Measured, SloReport, Spread, window
from engine.core.slo_history import Bucket, SloHistory
from tests.engine.fakes import START

BUSY = Measured([0.5] * 19 + [9.0], [0.2], 98, {"code": 1, "system": 1})
BAD = Measured([9.0], [1.0], 1, {"code": 1})


def test_the_table_has_a_column_for_each_window():
    told = [window("1h", Measured([], [], 0, {}), 5.0), window("24h", BUSY, 5.0), window("7d", BAD, 5.0)]
    shown = [re.split(r"\s{2,}", line.strip()) for line in lines(SloReport(START, 5.0, 0.95, tuple(told)).as_json())]
    assert shown[:-1] == [
        ["last 1h", "last 24h", "last 7d"],
        ["event to first job", "-", "0.5 s / 0.5 s / 9.0 s", "9.0 s / 9.0 s / 9.0 s"],
        ["in time (5.0 s, 95% of events)", "-", "95.0%", "0.0%"],
        ["error budget left", "-", "0.0%", "overdrawn: 20.0 times used"],
        ["queue wait", "-", "0.2 s / 0.2 s / 0.2 s", "1.0 s / 1.0 s / 1.0 s"],
        ["jobs that succeed (target 95%)", "-", "98.0%", "50.0%"],
        ["error budget left", "-", "60.0%", "overdrawn: 10.0 times used"],
        ["failed: own code / system", "-", "1 / 1 of 100", "1 / 0 of 2"],
    ]


def test_a_history_has_a_row_for_each_piece_in_which_something_happened():
    nothing, busy = Bucket(START, Spread(0), 0, 0, 0), Bucket(START, Spread(2, 0.5, 9.0, 9.0), 2, 1, 1)
    told = SloHistory("1h", START, 5.0, 0.95, (nothing, busy, nothing)).as_json()
    head, row, about = history_lines(told)
    assert head.split()[:6] == ["FROM", "EVENTS", "P50", "P95", "P99", "JOBS"]
    assert re.split(r"\s{2,}", row)[1:] == ["2", "0.5 s", "9.0 s", "9.0 s", "4", "50.0%", "1 / 1"]
    assert about.startswith("A row is 1 m 00 s. Targets: 5.0 s")


def test_a_history_of_nothing_says_so():
    assert history_lines(SloHistory("7d", START, 5.0, 0.95, ()).as_json()) == ["Nothing has run in the last 7d."]
