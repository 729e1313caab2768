"""The laws of a row that is read, made and written in plain SQL: it is what peewee would have made of it."""

from datetime import timedelta

import pytest

from engine.store.tables.columns import First
from engine.store.tables.home import CursorRow
from engine.store.tables.runs import AttemptRow, JobRow, PinRow, RunRow
from tests.engine.fakes import START, Lab


def everything(row: object) -> dict[str, object]:
    return dict(row.__data__)  # type: ignore[attr-defined]


@pytest.fixture
def job(lab: Lab) -> int:
    """A job that has failed, with a matrix, outputs and steps."""
    text = "jobs:\n  a:\n    runs-on: x\n    strategy: {matrix: {n: [1]}}\n    steps: [{run: 'true', name: one}]\n"
    lab.run(text)
    lab.fail(lab.start())
    return int(JobRow.select(JobRow.id).scalar())


@pytest.mark.parametrize("table", [RunRow, JobRow, AttemptRow])
def test_whole_rows_are_those_of_peewee(table: type[RunRow], lab: Lab, job: int) -> None:
    theirs = [everything(row) for row in table.select()]
    assert theirs and [everything(row) for row in table.read("1")] == theirs


def test_of_a_row_no_more_is_read_than_is_asked_for(job: int) -> None:
    [row] = JobRow.read("id = ?", (job,), ("status", "matrix", "finished_at", "is_call"))
    assert everything(row) == {"status": "failed", "matrix": {"n": 1}, "finished_at": START, "is_call": False}


def test_a_row_is_made_with_its_defaults_and_knows_its_id(lab: Lab) -> None:
    with lab.store.database.write():
        made = AttemptRow.create(
            job_id=1, number=1, worker="w", token="t", status="running", started_at=START, lease_expires_at=START,
            heartbeat_at=START, began_at={"base": "held"},
        )  # fmt: skip
    [found] = AttemptRow.select().where(AttemptRow.id == made.id)
    unset = ("queued_at", "finished_at", "exit_code", "box_attempt_id", "box_number", "state")
    assert everything(found) == everything(made) | dict.fromkeys(unset)
    assert (found.box_id, found.began_at) == ("", {"base": "held"})


def test_a_row_whose_key_is_given_keeps_it(lab: Lab) -> None:
    with lab.store.database.write():
        PinRow.create(run_id=7, by="ada", at=START)
    assert PinRow.get_by_id(7).by == "ada"


def test_a_key_that_is_not_there_is_told_as_by_peewee(lab: Lab) -> None:
    with pytest.raises(JobRow.DoesNotExist):
        JobRow.get_by_id(99)
    with pytest.raises(CursorRow.DoesNotExist):
        CursorRow.get_by_id("nobody")


def test_fields_are_written_where_the_condition_holds_and_the_first_value_stays(lab: Lab, job: int) -> None:
    later = START + timedelta(hours=1)
    with lab.store.database.write():
        assert JobRow.write({"outputs": {"a": "ö"}, "tolerated": True}, "id = ? AND status = ?", (job, "failed")) == 1
        assert JobRow.write({"tolerated": False}, "id = ? AND status = ?", (job, "queued")) == 0
        assert JobRow.write({"started_at": First(later), "deadline_at": First(later)}, "id = ?", (job,)) == 1
    row = JobRow.get(JobRow.id == job)
    assert (row.outputs, row.tolerated, row.started_at, row.deadline_at) == ({"a": "ö"}, True, START, later)
