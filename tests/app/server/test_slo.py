"""The promises of `slo:` over HTTP: as JSON, and as metrics that Prometheus can read."""

import re

from tests.engine.fakes import jobs

LINE = re.compile(r"[a-z_]+(\{([a-z_]+=\"[^\"]*\",?)*\})? -?[0-9.e+-]+")


def test_the_promises_are_told_to_whoever_may_read(site):
    assert site.get("/api/v1/slo", scope=None).status == 401
    told = site.get("/api/v1/slo", scope="read").json
    assert set(told["windows"]) == {"1h", "24h", "7d"}
    assert told["targets"]["trigger_s"] == 5.0


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
