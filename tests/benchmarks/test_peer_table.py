"""The table of the comparison with other tools: no tool is left out, whatever ails it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from benchmarks import peer_table
from benchmarks.peer_table import Table, at, ratio
from benchmarks.peer_works import EACH, MARK, Work
from benchmarks.place import Ended


@dataclass
class Timed:
    """A tool that takes what it is told to, or breaks."""

    seconds: float
    breaks: bool = False
    asked: int = 0

    def run(self, work: Work) -> Ended:
        return Ended(self.first_byte(), 0, 1.0)

    def first_byte(self) -> float:
        self.asked += 1
        if self.breaks:
            raise RuntimeError("it\nfell over")
        return self.seconds

    def cold_start(self) -> float:
        return self.first_byte()


def measured(tool: object) -> Ended:
    assert isinstance(tool, Timed)
    return Ended(tool.first_byte(), 0, 1.0)


@pytest.fixture(autouse=True)
def bare_containers_take_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_table, "bare", lambda *command: 0.5)


def test_a_tool_that_fails_is_asked_once_and_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(["good", "bad"], {})
    good, bad = Timed(1.0), Timed(1.0, breaks=True)
    seen, failed = table.turns({"good": good, "bad": bad}, 3, "a work", measured)
    assert (good.asked, bad.asked, ratio(seen["good"])) == (3, 1, "2.00x")
    table.line("a work", {"good": ratio(seen["good"])} | failed)
    table.foot()
    said = capsys.readouterr().out.split("\n")
    assert said[0].split() == ["a", "work", "2.00x", "failed", "[1]"]
    assert said[1] == "[1] bad, a work: it fell over"


def test_a_tool_that_is_not_here_has_its_column_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    Table(["good", "gone"], {"gone": "not here"}).line("a work", {"good": "2.00x"})
    assert capsys.readouterr().out.split() == ["a", "work", "2.00x", "not", "here"]


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.5, 6.0), (0.95, 10.0), (1.0, 10.0)], ids=["least", "p50", "p95", "most"]
)
def test_a_share_of_the_values_is_read_off_their_order(share: float, value: float) -> None:
    assert at([float(number) for number in range(10, 0, -1)], share) == value


@pytest.mark.parametrize("read", [lambda work: work.workflow, lambda work: work.gitlab], ids=["workflow", "gitlab"])
def test_no_text_that_a_tool_reads_holds_the_mark_that_a_step_prints(read: Callable[[Work], str]) -> None:
    assert not any(MARK.decode() in read(work) for work in EACH)
