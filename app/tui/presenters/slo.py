"""The promises of `slo:` as gauges, a set for each window, and as lines over time."""

from collections.abc import Mapping
from math import floor
from typing import Any

from app.wording import duration
from pipelines.records import dataclass
from widgets.plot import PlotProp, Series

Told = Mapping[str, Any]
SINCE = {"1h": "1 h ago", "24h": "24 h ago", "7d": "7 d ago"}
TRIGGER, COMPLETION = "event to first job", "jobs that succeed "


@dataclass(frozen=True, slots=True)
class Kept:
    """How a promise is kept, in words, and the share of its error budget that is left."""

    label: str
    value: str
    left: float | None


@dataclass(frozen=True, slots=True)
class WindowProp:
    """A window's promises, and in `note` what has no budget: whose fault failures were, how long jobs waited."""

    name: str
    trigger: Kept
    completion: Kept
    note: str


def windows(told: Told) -> tuple[WindowProp, ...]:
    """Return every window of a report, the shortest first."""
    targets = told["targets"]
    return tuple(_window(name, one, targets) for name, one in told["windows"].items())


def trigger_plot(history: Told) -> PlotProp:
    """Return how long it took from an event to its first job, over time."""
    names = ("p95", "p50")
    return PlotProp(
        title=TRIGGER,
        series=tuple(Series(name, tuple(bucket["trigger_s"][name] for bucket in history["buckets"])) for name in names),
        target=history["targets"]["trigger_s"],
        unit="s",
        since=SINCE[history["window"]],
    )


def completion_plot(history: Told) -> PlotProp:
    """Return the share of jobs that succeeded over time; and that share had their own code never failed."""
    ends = [bucket["completion"] for bucket in history["buckets"]]
    rates, system = (tuple(one[name] for one in ends) for name in ("rate", "system_rate"))
    target = history["targets"]["completion"]
    least = min([target, *(rate for rate in rates if rate is not None)])
    return PlotProp(
        title=COMPLETION.strip(),
        series=(Series("all", rates), Series("but for their own code", system)),
        target=target,
        unit="%",
        low=max(0.0, floor(least * 10 - 0.5) / 10),
        since=SINCE[history["window"]],
    )


def percent(share: float) -> str:
    """Return a share of 1 in percent, with as many digits as it takes to tell it from others."""
    return f"{round(share * 100, 2):g} %"


def _window(name: str, one: Told, targets: Told) -> WindowProp:
    trigger, completion = one["trigger_s"], one["completion"]
    return WindowProp(
        name=name,
        trigger=Kept(TRIGGER, _within(trigger, duration(targets["trigger_s"])), trigger["budget_left"]),
        completion=Kept(COMPLETION, _share(completion, targets["completion"]), completion["budget_left"]),
        note=_note(completion, one["queue_wait_s"]),
    )


def _within(spread: Told, target: str) -> str:
    return f"{_spread(spread)} of {target}" if spread["count"] else f"target {target}"


def _share(completion: Told, target: float) -> str:
    rate = completion["rate"]
    return f"target {percent(target)}" if rate is None else f"{percent(rate)} of {percent(target)}"


def _note(completion: Told, wait: Told) -> str:
    parts = []
    if completion["jobs"]:
        code, system = completion["failed_by_code"], completion["failed_by_system"]
        parts.append(f"failed: own code {code}, system {system}, of {completion['jobs']}")
    if wait["count"]:
        parts.append(f"queue wait {_spread(wait)}")
    return "; ".join(parts)


def _spread(spread: Told) -> str:
    return " / ".join(duration(spread[name]) for name in ("p50", "p95", "p99"))
