"""Which panes of a run are in view, and how large, for a window of a size. Pure.

Wide and tall enough, all four are: the graph above, the log below it, timeline and attempts beside that. In less room
one pane stands below the graph; zoomed, one pane has it all.
"""

from pipelines.records import dataclass

DAG, LOG, TIMELINE, ATTEMPTS = PANES = ("dag", "log", "timeline", "attempts")
WIDE = 110  # columns from which on panes stand side by side
TALL = 28  # rows from which on two panes above each other are worth reading
LEAST_ROWS = 5  # of the graph with its frame
SIDE, LEAST_SIDE = 46, 30
SHARE = 0.4  # of the rows, that the graph takes at most, unless the person asked for another


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person asked for: sizes as remembered, None where nothing was; the pane below; the zoomed one."""

    dag_rows: int | None = None
    side: int | None = None
    below: str = LOG
    zoomed: str | None = None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """`shown` panes; `dag_rows` with the frame, None: all there is; `side`: the columns beside the log, 0: none."""

    shown: frozenset[str]
    dag_rows: int | None
    side: int


def arrange(width: int, height: int, dag_needs: int, wanted: Wanted) -> Arrangement:
    """Return how the panes stand in `width` by `height` cells; `dag_needs` are the graph's rows with its frame."""
    if wanted.zoomed is not None:
        return Arrangement(frozenset({wanted.zoomed}), None, 0 if wanted.zoomed in (DAG, LOG) else width)
    most = max(LEAST_ROWS, int(height * SHARE))
    rows = min(dag_needs, most) if wanted.dag_rows is None else wanted.dag_rows
    rows = max(LEAST_ROWS, min(rows, height - LEAST_ROWS - 2))
    if width >= WIDE and height >= TALL:
        side = max(LEAST_SIDE, min(wanted.side or SIDE, width - LEAST_SIDE))
        return Arrangement(frozenset(PANES), rows, side)
    below = wanted.below if wanted.below != DAG else LOG
    return Arrangement(frozenset({DAG, below}), rows, 0 if below == LOG else width)
