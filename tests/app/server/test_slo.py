"""The promises of `slo:` over HTTP: as JSON, and as metrics that Prometheus can read."""

import re

from tests.engine.fakes import jobs

LINE = re.compile(r"[a-z_]+(\{([a-z_]+=\"[^\"]*\",?)*\})? -?[0-9.e+-]+")


def test_the_promises_are_told_to_whoever_may_read(site):
    assert site.get("/api/v1/slo", scope=None).status == 401
    told = site.get("/api/v1/slo", scope="read").json
    assert set(told["windows"]) == {"1h", "24h", "7d"}
    assert told["targets"]["trigger_s"] == 5.0


def test_their_history_is_told_in_pieces_of_the_window_that_is_asked_for(site):
    site.lab.run(jobs(a=""))
    site.lab.work()
    assert site.get("/api/v1/slo/history", scope=None).status == 401
    assert "one of 1h, 24h, 7d" in site.get("/api/v1/slo/history?window=1y").error
    usual = site.get("/api/v1/slo/history", scope="read").json
    assert (usual["window"], len(usual["buckets"])) == ("24h", 72)
    for window, count in (("1h", 60), ("24h", 72), ("7d", 84)):
        told = site.get(f"/api/v1/slo/history?window={window}", scope="read").json
        assert len(told["buckets"]) == count
        assert told["targets"] == {"trigger_s": 5.0, "trigger_share": 0.95, "completion": 0.95}
        last = told["buckets"][-1]["completion"]
        assert (last["jobs"], last["succeeded"], last["rate"]) == (1, 1, 1.0)
        assert told["buckets"][0]["completion"]["rate"] is None


def test_metrics_hold_the_promises_and_are_well_formed(site):
    run = site.lab.run(jobs(a=""))
    site.lab.work()
    assert site.lab.status(run) == "success"
    text = site.get("/metrics", scope="read").body.decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert not [line for line in lines if not LINE.fullmatch(line)]
    assert 'treadle_slo_completion_ratio{window="1h"} 1' in lines
    assert 'treadle_slo_error_budget_left_ratio{window="1h",objective="completion"} 1' in lines
    heads = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))
