"""The table of `treadle slo`, from a report."""

import re

from app.cli.slo import lines
from engine.core.slo import Measured, SloReport, window
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
