"""The services of one attempt as its job runner sees them: from before its box until after it, and in its log."""

from collections.abc import Callable
from typing import Any

from engine.worker.assignment import Assignment
from engine.worker.executor import Box
from engine.worker.executors import Executors
from engine.worker.kind import DOCKER
from engine.worker.log.job_log import JobLog
from engine.worker.services import Services

LOG_BYTES = 1 << 20  # of each service's output, its end, that the job's log keeps


class Served:
    """Does nothing for a job without services. `check_in` may raise to end a wait."""

    def __init__(self, executors: Executors, job: Assignment, check_in: Callable[[], None]) -> None:
        self._executors = executors
        self._job = job
        self._check_in = check_in
        self._services: Services | None = None

    @property
    def network(self) -> str:
        """The network that the box is to join, or ''."""
        return self._services.network if self._services else ""

    def facts(self) -> dict[str, Any]:
        """Return `job.services`."""
        return self._services.facts() if self._services else {}

    def start(self, log: JobLog) -> None:
        """Pull and start what the job asks for. Raises EngineError."""
        plan = self._job.box_plan
        if not plan.services:
            return
        executor = self._executors.get(DOCKER)
        for service in plan.services:
            executor.ensure_image(service.image, log.say, service.credentials, self._check_in)
        log.say("##[group]Start services")
        try:
            self._services = executor.serve(self._job.services_spec(), log.say, self._check_in)
        finally:
            log.say("##[endgroup]")

    def adopt(self) -> bool:
        """Take up what an earlier engine started; False when something of it is gone."""
        if not self._job.box_plan.services:
            return True
        self._services = self._executors.get(DOCKER).adopt_services(self._job.services_spec())
        return self._services is not None

    def ready(self, box: Box, log: JobLog) -> None:
        """Wait until the services can be used from `box`. Raises EngineError when one is not healthy."""
        if self._services is None:
            return
        log.say("##[group]Wait for services")
        try:
            self._services.ready(box, log.say, self._check_in)
        finally:
            log.say("##[endgroup]")

    def show(self, log: JobLog) -> None:
        """Put into the job's log what each of the services has written."""
        for service in self._job.box_plan.services if self._services else ():
            assert self._services is not None
            text = self._services.logs(service.name, LOG_BYTES).decode("utf-8", "replace")
            lines = [f" {line}" if line.startswith("##[") else line for line in text.splitlines()]
            log.say_group(f"Log of the service {service.name}", lines or ["It has written nothing."])

    def remove(self) -> None:
        if self._services is not None:
            self._services.remove()
            self._services = None
