"""From a real failure to a retry of it, and no other: what workers find in real logs of real processes."""

from pathlib import Path

import pytest

from engine.settings.model import Settings
from engine.store.tables.mending import FailureRow
from tests.engine.works import Ended, Works

COUNTED = """
    retry: {max: 1, backoff: 0s, on: [%s]}
    steps:
      - run: echo fine
      - name: test
        run: |
          echo "started in $$ at $(date)"
          tries="%s"
          echo x >> "$tries"
          if [ "$(wc -l < "$tries")" -%s %s ]; then
            echo "Error: lost the connection to localhost:$$ after 0.$$ s"
            exit 3
          fi
"""


@pytest.fixture
def works(tmp_path: Path):
    works = Works(tmp_path, Settings(home=tmp_path / "home", labels={"here": "host"}, workers=1)).start()
    yield works
    works.close()


def flaky(works: Works, on: str, name: str, op: str = "lt", times: int = 2) -> Ended:
    """Run a job whose test fails as long as it has not been tried so many times."""
    return works.run(COUNTED % (on, works.root / name, op, times))


def test_a_failure_is_known_by_its_first_error_and_is_the_same_at_every_run(works: Works):
    flaky(works, "failure", "one", times=9)
    flaky(works, "failure", "two", times=9)
    rows = list(FailureRow.select())
    assert len(rows) == 4
    assert len({row.line for row in rows}) == 4
    assert len({row.fingerprint for row in rows}) == 1
    assert {(row.step, row.exit_code, row.job) for row in rows} == {("test", 3, "a")}


def test_what_passed_on_retry_is_tried_again_from_then_on(works: Works):
    new = flaky(works, "flaky", "new")
    assert (new.status, len(new.attempts())) == ("failed", 1)
    assert "known flaky" not in new.log()
    assert flaky(works, "failure", "learn").status == "success"
    known = flaky(works, "flaky", "known")
    assert (known.status, len(known.attempts())) == ("success", 2)
    assert "known flaky (1 of 2 passed on retry): trying again\n" in known.log(attempt=1)


def test_what_is_known_and_not_tried_again_is_said_as_well(works: Works):
    flaky(works, "failure", "learn")
    known = flaky(works, "infrastructure", "other")
    assert (known.status, len(known.attempts())) == ("failed", 1)
    assert "known flaky (1 of 1 passed on retry)\n" in known.log()


def test_another_fault_in_the_same_step_is_never_retried_into_green(works: Works):
    flaky(works, "failure", "learn")
    text = COUNTED % ("flaky", works.root / "other", "lt", 2)
    other = works.run(text.replace("lost the connection", "lost the thread"))
    assert (other.status, len(other.attempts())) == ("failed", 1)


def test_a_marked_error_comes_before_what_looks_like_one(works: Works):
    works.run("""
        steps:
          - run: |
              echo "Error: looks like one"
              echo "::error file=a.py,line=3::is one"
              exit 1
    """)
    assert FailureRow.get().line == "is one"


def test_a_failure_without_a_word_is_known_by_how_it_ended(works: Works):
    works.run("""
        steps:
          - run: exit 7
    """)
    row = FailureRow.get()
    assert (row.step, row.line) == ("Run exit 7", "Process completed with exit code 7.")


def test_a_tolerated_failure_is_not_to_blame(works: Works):
    works.run("""
        steps:
          - {run: "echo Error: allowed; exit 1", continue-on-error: true}
          - {run: "echo Error: counts; exit 1"}
    """)
    assert FailureRow.get().line == "Error: counts"


def test_a_job_that_overran_is_known_by_the_step_that_ran(works: Works):
    works.run("""
        timeout-minutes: 0.02
        steps:
          - {name: hang, run: "echo begun; exec sleep 60"}
    """)
    row = FailureRow.get()
    assert (row.step, row.line, row.exit_code) == ("hang", "The step was ended: it ran past its job's timeout.", None)
