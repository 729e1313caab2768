"""One metric in Prometheus' text format."""

from collections.abc import Iterator, Mapping

from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `values` by their labels, as they are written (`status="queued"`)."""

    name: str
    kind: str
    says: str
    values: Mapping[str, float]

    def lines(self) -> Iterator[str]:
        yield f"# HELP {self.name} {self.says}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in self.values.items():
            yield f"{self.name}{{{labels}}} {value:g}" if labels else f"{self.name} {value:g}"
