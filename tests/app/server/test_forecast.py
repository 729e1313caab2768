"""What the API expects of runs and jobs: from their own history, while they are under way, and nothing else."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.views.forecast import Foreteller
from engine.core.forecast import Forecast
from engine.store import outlook
from tests.app.server.site import Site
from tests.engine.fakes import Lab, jobs

CHAIN = jobs(a="", b="needs: a", c="needs: a")
TIMES = {"a": 60, "b": 100, "c": 20}


def train(lab: Lab, text: str = CHAIN, **times: float) -> None:
    """Have a run of a workflow behind us."""
    lab.run(text)
    while lease := lab.claim():
        lab.clock.advance((times or TIMES)[lab.job(lease.job_id).key])
        lab.finish(lease)


def after(site: Site, at: str | None) -> float | None:
    return None if at is None else (datetime.fromisoformat(at) - site.lab.clock.now()).total_seconds()


def told(site: Site, run_id: int) -> dict[str, Any]:
    run = site.get(f"/api/v1/runs/{run_id}").json
    return {"end": after(site, run["expected_finish_at"]), "critical": run["critical"]} | {
        job["name"]: (job["expected_s"], after(site, job["expected_start_at"]), after(site, job["expected_finish_at"]))
        for job in run["jobs"]
    }


def test_a_run_that_waits_is_told_when_it_will_be_over(site: Site) -> None:
    train(site.lab)
    run_id = site.lab.run(CHAIN)
    a, b, _ = (job.id for job in site.lab.store.queries.jobs(run_id))
    assert told(site, run_id) == {
        "end": 160, "critical": [a, b], "a": (60, 0, 60), "b": (100, 60, 160), "c": (20, 60, 80),
    }  # fmt: skip
    site.lab.start()
    site.lab.clock.advance(45)
    assert told(site, run_id)["a"] == (60, None, 15)
    assert told(site, run_id)["b"] == (100, 15, 115)


def test_a_first_run_is_told_nothing(site: Site) -> None:
    run_id = site.lab.run(CHAIN)
    site.lab.start()
    nothing = (None, None, None)
    assert told(site, run_id) == {"end": None, "critical": [], "a": nothing, "b": nothing, "c": nothing}


def test_what_is_over_is_told_no_future_but_the_path_that_its_end_waited_for(site: Site) -> None:
    train(site.lab)
    a, b, c = (job.id for job in site.lab.store.queries.jobs(1))
    known = told(site, 1)
    assert (known["end"], known["a"]) == (None, (None, None, None))
    assert known["critical"] in ([a, b], [a, c])


def test_a_job_far_over_its_time_is_told_so_while_it_runs(site: Site) -> None:
    train(site.lab)
    site.lab.run(CHAIN)
    lease = site.lab.start()
    site.lab.clock.advance(240)
    job = site.get(f"/api/v1/jobs/{lease.job_id}").json
    assert (job["slower"], after(site, job["expected_finish_at"])) == (4.0, 24)
    site.lab.finish(lease)
    assert site.get(f"/api/v1/jobs/{lease.job_id}").json["slower"] is None


def test_the_list_and_the_queue_say_the_same(site: Site) -> None:
    train(site.lab)
    run_id = site.lab.run(CHAIN)
    site.lab.start()
    [run, _] = site.get("/api/v1/runs").json["runs"]
    assert (run["id"], after(site, run["expected_finish_at"])) == (run_id, 160)
    queue = site.get("/api/v1/queue").json
    assert [after(site, job["expected_start_at"]) for job in queue["waiting"]] == [60, 60]
    [busy] = [worker["job"] for worker in queue["workers"] if worker["job"]]
    assert after(site, busy["expected_finish_at"]) == 60


@pytest.mark.parametrize("stop", ["pause", "drain"])
def test_while_nothing_is_claimed_no_start_is_told(site: Site, stop: str) -> None:
    train(site.lab)
    run_id = site.lab.run(CHAIN)
    if stop == "pause":
        site.lab.store.queue.pause.set("ada", site.lab.clock.now())
    else:
        site.desk.draining = True
    known = told(site, run_id)
    assert (known["end"], known["a"]) == (None, (60, None, None))


def test_a_forecast_is_told_again_for_ten_times_what_it_cost(tmp_path, monkeypatch) -> None:
    lab, looks = Lab(tmp_path / "home"), []

    def look(*_: object, **__: object) -> Any:
        looks.append(lab.clock.now())
        lab.clock.advance(1)
        return outlook.outlook(2, claims=True)

    monkeypatch.setattr("app.views.forecast.outlook", look)
    foreteller = Foreteller(lab.store, lab.clock, lambda: 2, lambda: True)
    assert foreteller.look() == foreteller.look() == Forecast()
    lab.clock.advance(9)
    foreteller.look()
    assert len(looks) == 1
    lab.clock.advance(1)
    foreteller.look()
    assert looks[1] - looks[0] == timedelta(seconds=11)
    lab.close()
