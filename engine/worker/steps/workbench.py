"""What the steps of one attempt are run with, from the first of them to the last."""

from engine.core.clock import Clock
from engine.worker.log.job_log import JobLog
from engine.worker.steps.box_tools import BoxTools
from engine.worker.steps.files import StepFiles
from engine.worker.steps.job_state import JobState
from engine.worker.steps.script_runner import ScriptRunner
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Workbench:
    """`scripts` runs what a step says, `tools` what Treadle needs beside it; `files` are how a script answers. `state`
    is what steps pass on to each other: the one thing here that changes."""

    scripts: ScriptRunner
    tools: BoxTools
    files: StepFiles
    log: JobLog
    state: JobState
    clock: Clock
