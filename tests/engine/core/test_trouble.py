"""What keeps failing is told once when it begins, and once when it is over."""

import logging

import pytest

from engine.core.errors import StoreBusy
from engine.core.trouble import Trouble

log = logging.getLogger("trouble")


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_fault_that_lasts_is_told_once_however_often_and_wherever_it_is_met(said) -> None:
    trouble = Trouble()
    for who in ("control", "worker-1", "control", "mailer"):
        trouble.tell(log, who, StoreBusy("The disk is read-only."))
    assert said() == ["control: The disk is read-only. Trying again."]


def test_another_fault_is_told_and_so_is_the_same_once_more_after_it_was_over(said) -> None:
    trouble = Trouble()
    for error in (StoreBusy("one."), StoreBusy("two.")):
        trouble.tell(log, "control", error)
    trouble.over(log, "control")
    trouble.tell(log, "control", StoreBusy("two."))
    assert said() == [
        "control: one. Trying again.", "control: two. Trying again.", "control: it goes on.",
        "control: two. Trying again.",
    ]  # fmt: skip


def test_it_is_over_when_it_is_for_everybody_and_what_never_failed_is_not_spoken_of(said) -> None:
    trouble = Trouble()
    for who in ("control", "worker-1"):
        trouble.tell(log, who, StoreBusy("The disk is read-only."))
    for who in ("planner", "control", "worker-1", "worker-1"):
        trouble.over(log, who)
    assert said() == ["control: The disk is read-only. Trying again.", "worker-1: it goes on."]


def test_a_fault_of_ours_is_told_with_where_it_arose(caplog) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        Trouble().tell(log, "control", error)
    assert "test_trouble.py" in caplog.text and "ZeroDivisionError" in caplog.text
