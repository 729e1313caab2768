"""How the promises of `slo:` are kept, as metrics. What never happened in a window has no value."""

from collections.abc import Iterator, Mapping

from app.server.metric import Metric
from engine.core.slo import CODE, QUANTILES, SYSTEM, SloReport, Spread, Window


def slo_metrics(report: SloReport) -> Iterator[Metric]:
    """Yield gauges, each with a value for every window; seconds, counts and shares as their names say."""
    named = {f'window="{one.name}"': one for one in report.windows}
    yield _gauge(
        "trigger_target_seconds", "Within what time an event's first job should start.", {"": report.trigger_s}
    )
    yield _gauge("completion_target_ratio", "The share of jobs that should end in success.", {"": report.completion})
    yield _gauge(
        "trigger_seconds",
        "From an event's acceptance to the start of its first job.",
        _quantiles({labels: one.trigger for labels, one in named.items()}),
    )
    yield _gauge(
        "trigger_events",
        "Events whose first job started in the window.",
        {labels: one.trigger.count for labels, one in named.items()},
    )
    yield _gauge(
        "trigger_in_time_ratio",
        "The share of events whose first job started in time.",
        {labels: one.trigger_met for labels, one in named.items()},
    )
    yield _gauge(
        "queue_wait_seconds",
        "From an attempt's entry into the queue to its start.",
        _quantiles({labels: one.queue_wait for labels, one in named.items()}),
    )
    yield _gauge(
        "jobs", "Jobs that ended in the window: in success, or failed by whose fault.",
        {f'{labels},end="{end}"': count for labels, one in named.items() for end, count in _ends(one).items()},
    )  # fmt: skip
    yield _gauge(
        "completion_ratio",
        "The share of ended jobs that ended in success.",
        {labels: one.completion for labels, one in named.items()},
    )
    budgets: dict[str, float | None] = {}
    for labels, one in named.items():
        budgets[f'{labels},objective="trigger"'] = report.trigger_budget(one)
        budgets[f'{labels},objective="completion"'] = report.completion_budget(one)
    yield _gauge("error_budget_left_ratio", "The share of the allowed failures that is left.", budgets)


def _gauge(name: str, says: str, values: Mapping[str, float | None]) -> Metric:
    known = {labels: value for labels, value in values.items() if value is not None}
    return Metric(f"treadle_slo_{name}", "gauge", says, known)


def _quantiles(spreads: Mapping[str, Spread]) -> dict[str, float | None]:
    return {
        f'{labels},quantile="{quantile:g}"': value
        for labels, one in spreads.items()
        for quantile, value in zip(QUANTILES, (one.p50, one.p95, one.p99), strict=True)
    }


def _ends(one: Window) -> dict[str, int]:
    return {"success": one.succeeded, CODE: one.failed_by_code, SYSTEM: one.failed_by_system}
