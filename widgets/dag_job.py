"""What the job graph is told about one job."""

from dataclasses import dataclass

DONE = frozenset({"success", "failed", "timed_out", "cancelled", "skipped"})
BROKEN = frozenset({"failed", "timed_out"})


@dataclass(frozen=True, slots=True)
class DagJob:
    """One job of a run. `name` and `note` are one line of plain text each.

    `needs` holds ids of other jobs (an unknown id is passed over) and makes no circle. Jobs of one `group` are the
    cells of one matrix; None stands alone. `note` is short (`12s`, `try 2/3`, `in 8s`): where room is scarce `brief`
    takes its place, and is the first to go. `late` paints it as a warning. `critical` marks what the end waits for.
    """

    id: int
    key: str
    name: str
    status: str
    note: str = ""
    needs: tuple[int, ...] = ()
    group: str | None = None
    critical: bool = False
    brief: str = ""
    late: bool = False
