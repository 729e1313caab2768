"""Everything that the UI can ask of an engine, as one table: the question over HTTP, and its twin on the command line.

A key, a palette entry or a click leads here; nothing in the UI acts by any other way. A test holds that each twin is a
command that exists.
"""

import shlex
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One question. `{name}` in `twin` and `path` stands for a value; `loses` is what is asked before, if anything.

    `again` is what the same key asks for what is `ending` already.
    """

    name: str
    words: str
    twin: tuple[str, ...]
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    loses: str = ""
    again: "Action | None" = None

    def line(self, values: Mapping[str, Any]) -> str:
        """Return the command line that does the same. Options are added from `inputs`, if there are any."""
        words = [word.format_map(values) for word in self.twin]
        for name, value in (values.get("inputs") or {}).items():
            words += ["--input", f"{name}={value}"]
        if values.get("ref"):
            words += ["--ref", str(values["ref"])]
        return shlex.join(["treadle", *words])

    def target(self, values: Mapping[str, Any]) -> str:
        """Return the path to ask at, behind the API's own."""
        return self.path.format_map(values)

    def said(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of the question: values take the place of `None`, and are left out where there are none."""
        told = {name: values.get(name) if value is None else value for name, value in self.body.items()}
        return {name: value for name, value in told.items() if value not in (None, {})}


RETRY_RUN = Action("retry_run", "run again, all", ("retry", "r{run}"), "/runs/{run}/retry")
RETRY_FAILED = Action(
    "retry_failed", "run again, failed only", ("retry", "r{run}", "--failed"), "/runs/{run}/retry", {"failed": True}
)
RETRY_JOB = Action("retry_job", "run this job again", ("retry", "j{job}"), "/jobs/{job}/retry")
RETRY_STEP = Action(
    "retry_step", "run this job again from a step on", ("retry", "j{job}", "--step", "{step}"), "/jobs/{job}/retry",
    {"step": None},
)  # fmt: skip
DEBUG_RUN = Action(
    "debug_run", "run again, all, with debug logging", ("retry", "r{run}", "--debug"), "/runs/{run}/retry",
    {"debug": True},
)  # fmt: skip
DEBUG_FAILED = Action(
    "debug_failed", "run again, failed only, with debug logging", ("retry", "r{run}", "--failed", "--debug"),
    "/runs/{run}/retry", {"failed": True, "debug": True},
)  # fmt: skip
DEBUG_JOB = Action(
    "debug_job", "run this job again with debug logging", ("retry", "j{job}", "--debug"), "/jobs/{job}/retry",
    {"debug": True},
)  # fmt: skip
RERUN = Action("rerun", "run again with other inputs", ("retry", "r{run}"), "/runs/{run}/retry", {"inputs": None})
RETRY_HERE = Action(
    "retry_here", "run the held step again", ("retry", "j{job}", "--here"), "/jobs/{job}/retry", {"here": True}
)
RETRY_NEXT = Action(
    "retry_next", "go on after the held step", ("retry", "j{job}", "--next"), "/jobs/{job}/retry", {"next": True}
)
HOLD = Action("hold", "hold this job if it fails", ("hold", "j{job}"), "/jobs/{job}/hold", {"wanted": True})
UNHOLD = Action("unhold", "do not hold it", ("hold", "j{job}", "--off"), "/jobs/{job}/hold", {"wanted": False})
RELEASE = Action(
    "release", "let its box go", ("release", "j{job}"), "/jobs/{job}/release", loses="What was changed in it is lost."
)
NO_TIME = "It gets no time to end, and its always() steps do not run."
END_RUN = Action("end_run", "end at once", ("cancel", "r{run}"), "/runs/{run}/cancel", loses=NO_TIME)
END_JOB = Action("end_job", "end this job at once", ("cancel", "j{job}"), "/jobs/{job}/cancel", loses=NO_TIME)
CANCEL_RUN = Action(
    "cancel_run", "cancel", END_RUN.twin, END_RUN.path, loses="What its running jobs did is lost.", again=END_RUN
)
CANCEL_JOB = Action(
    "cancel_job", "cancel this job", END_JOB.twin, END_JOB.path, loses="What it did is lost.", again=END_JOB
)
APPROVE_JOB = Action("approve_job", "let this job into its environment", ("approve", "j{job}"), "/jobs/{job}/approve")
APPROVE = Action("approve", "approve", ("approve", "r{run}"), "/runs/{run}/approve")
DISPATCH = Action(
    "dispatch", "start a workflow", ("dispatch", "{repo}", "{workflow}"), "/runs",
    {"repo": None, "workflow": None, "ref": None, "inputs": None},
)  # fmt: skip
REPLAY = Action("replay", "plan this event once more", ("replay", "{event}"), "/inbox/{event}/replay")
PAUSE = Action("pause", "pause the queue", ("queue", "pause"), "/queue/pause")
RESUME = Action("resume", "resume the queue", ("queue", "resume"), "/queue/resume")
PRIORITY = Action(
    "priority", "change its priority", ("priority", "j{job}", "{priority}"), "/jobs/{job}/priority", {"priority": None}
)
PIN = Action("pin", "keep it whatever its age", ("pin", "r{run}"), "/runs/{run}/pin")
UNPIN = Action("unpin", "let it go when its time comes", ("unpin", "r{run}"), "/runs/{run}/unpin")
SNAPSHOT = Action("snapshot", "take a snapshot", ("snapshot", "create"), "/snapshots")
BISECT = Action(
    "bisect", "find the commit that broke this job", ("bisect", "j{job}", "--no-wait"), "/bisects", {"job": None}
)
CANCEL_BISECT = Action(
    "cancel_bisect", "end the search", ("bisect", "--cancel", "{bisect}"), "/bisects/{bisect}/cancel",
    loses="What its trial did is lost; what it has found out stays.",
)  # fmt: skip
SYNC = Action("sync", "look for new commits now", ("repo", "sync", "{repo}"), "/repos/{repo}/sync")

READ_ONLY = "This session is read only."
ASKING = (
    *("act(", "held(", "rerun", "dispatch", "priority(", "pause", "cancel", "replay", "sync", "pin", "take_snapshot"),
)
"""How the actions of keys begin that lead here: a session that only reads offers none of them."""

ACTIONS = (
    RETRY_RUN, RETRY_FAILED, RETRY_JOB, CANCEL_RUN, CANCEL_JOB, END_RUN, END_JOB, APPROVE, APPROVE_JOB, DISPATCH,
    REPLAY, PAUSE, RESUME, PRIORITY, PIN, UNPIN, SNAPSHOT, SYNC,
    BISECT, CANCEL_BISECT, RETRY_HERE, RETRY_NEXT, HOLD, UNHOLD, RELEASE,
    RETRY_STEP, DEBUG_RUN, DEBUG_FAILED, DEBUG_JOB, RERUN,
)  # fmt: skip
NAMED = {action.name: action for action in ACTIONS}
