"""A row of values as one short word of bars. Pure."""

from collections.abc import Sequence

BARS, ASCII_BARS = "▁▂▃▄▅▆▇█", "_.-~=+*#"


def sparkline(values: Sequence[float | None], width: int, ascii: bool = False) -> str:
    """Return the last `width` values as bars, one cell each, from nothing to the largest; None is a gap.

    Bars start at zero, so that what took twice as long is twice as high. It is shorter than `width` when there are
    fewer values.
    """
    bars = ASCII_BARS if ascii else BARS
    last = values[-width:] if width > 0 else []
    most = max((value for value in last if value is not None), default=0.0)
    return "".join(" " if value is None else bars[_level(value, most, len(bars))] for value in last)


def _level(value: float, most: float, levels: int) -> int:
    """Return which of `levels` bars is as high as `value` where the highest stands for `most`."""
    return 0 if most <= 0 or value <= 0 else min(levels - 1, int(value / most * levels))
