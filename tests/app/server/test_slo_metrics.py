"""The promises as Prometheus reads them."""

from app.server.slo_metrics import slo_metrics
from engine.core.slo import Measured
from tests.engine.core.test_slo import report


def test_metrics_name_every_family_once_and_leave_out_what_never_happened():
    lines = [line for metric in slo_metrics(report(Measured([], [1.0], 0, {}))) for line in metric.lines()]
    heads = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))
    assert all(head.startswith("treadle_slo_") for head in heads)
    assert 'treadle_slo_queue_wait_seconds{window="1h",quantile="0.95"} 1' in lines
    assert 'treadle_slo_jobs{window="1h",end="system"} 0' in lines
    assert not [line for line in lines if line.startswith("treadle_slo_completion_ratio{")]
    assert "treadle_slo_completion_target_ratio 0.95" in lines
