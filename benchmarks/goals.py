"""What each figure is held against: the goal, and the best other tool.

Goals and the other tools' figures were measured on one 2-core machine (Docker 20.10, images of 2 MB, no registry), each
as a ratio to a bare `docker run --rm` in the same minute. On another machine believe the ratios, not the seconds.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """At most `goal`, in the measure's own unit ("x" of a bare run, "s", "ms" or "MB"). `peer`: the best other tool."""

    goal: float
    unit: str
    peer: str = ""


BARS = {
    "one no-op job, cold": Bar(2.5, "x", "act 3.1x"),
    "one no-op job, warm": Bar(0.55, "x", "laminar 1.0x"),
    "20 no-op steps, cold": Bar(3.0, "x", "gitlab-ci-local 5.3x"),
    "20 no-op steps, warm": Bar(1.5, "x", "laminar 1.0x"),
    "one more step": Bar(7, "ms", "act 500 ms"),
    "50 jobs (1, 48, 1), 2 workers": Bar(25, "x", "laminar 34x"),
    "50 jobs (1, 48, 1), 8 workers": Bar(22, "x", "laminar 24x"),
    "matrix of 20, 2 workers": Bar(10, "x", "laminar 14x"),
    "a million lines": Bar(1.5, "x", "laminar 0.9x, act 1.6x"),
    "a million lines, peak memory": Bar(60, "MB", "act 27 MB, laminar 214 MB"),
    "60 jobs, 2 workers": Bar(1.1, "x"),  # of the lower bound, not of a bare run
    "60 jobs, 4 workers": Bar(1.1, "x"),
    "treadle --version": Bar(0.1, "s", "act 0.02 s"),
    "treadle validate": Bar(0.3, "s", "gitlab-ci-local 0.8 s"),
    "treadle expr": Bar(0.2, "s"),
    "treadle list": Bar(0.3, "s", "act 0.02 s"),
}
