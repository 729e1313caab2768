"""`treadle retry` and `treadle checkpoint` on a remote engine and on the files of a home."""

import json

import pytest

from engine.store.tables.runs import JobRow, RunRow
from tests.app.server.site import Site
from tests.app.server.test_retries import dispatched, failed


def test_a_job_is_run_again_from_a_step_on(site: Site, treadle) -> None:
    job_id = failed(site, kept=(0,))
    code, out, _ = treadle("retry", f"j{job_id}", "--step", 1, "--debug")
    assert code == 0
    where = "from step 1 on, on the checkpoint after step 0 of attempt 1, with debug logging"
    assert out == f"Job {job_id} will run again {where}.\n"
    job = JobRow.get_by_id(job_id)
    assert (job.begin_at["step"], job.debug) == (1, True)


def test_what_cannot_be_is_exit_1_with_the_way_to_have_it(site: Site, treadle) -> None:
    job_id = failed(site)
    code, out, err = treadle("retry", f"j{job_id}", "--step", 2)
    assert (code, out) == (1, "")
    assert f"Nothing was kept of job {job_id} before step 2." in err and "--checkpoint" in err
    for option in ("--here", "--next"):
        assert treadle("retry", f"j{job_id}", option)[0] == 1


def test_what_makes_no_sense_together_is_wrong_usage(site: Site, treadle, capfd) -> None:
    job_id = failed(site)
    assert treadle("retry", f"j{job_id}", "--input", "a=b")[0] == 2
    assert treadle("retry", f"j{job_id}", "--input", "a")[0] == 2
    with pytest.raises(SystemExit) as left:
        treadle("retry", f"j{job_id}", "--here", "--step", 1)
    assert left.value.code == 2
    capfd.readouterr()


def test_other_inputs_make_a_new_run(site: Site, treadle) -> None:
    run_id = dispatched(site)
    code, out, _ = treadle("retry", f"r{run_id}", "--input", "where=there", "--json")
    told = json.loads(out)
    assert (code, told["kind"], told["number"]) == (0, "run", 2)
    assert RunRow.get_by_id(told["id"]).contexts["inputs"]["where"] == "there"
    code, _, err = treadle("retry", f"r{run_id}", "--input", "where=nowhere")
    assert (code, "is one of here, there" in err) == (1, True)


def test_the_steps_that_a_retry_can_follow_are_listed(site: Site, treadle) -> None:
    job_id = failed(site, kept=(0, 1))
    code, out, _ = treadle("checkpoint", "list", f"j{job_id}")
    assert code == 0
    assert [line.split()[:4] for line in out.splitlines()[1:]] == [
        ["0", "one", "--step", "1"],
        ["1", "two", "--step", "2"],
    ]
    assert [one["begin_at"] for one in json.loads(treadle("checkpoint", "list", job_id, "--json")[1])] == [1, 2]


def test_a_job_of_which_nothing_is_kept_says_how_to_have_it_kept(site: Site, treadle) -> None:
    code, out, err = treadle("checkpoint", "list", failed(site))
    assert (code, out) == (0, "")
    assert "`checkpoint: true`" in err
