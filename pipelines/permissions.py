"""Permissions held against each other: a called workflow may ask for no more than the job that calls it has.

They limit a token that Treadle does not issue, but GitHub refuses such a call, and so does Treadle.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field

from pipelines.called import Called, Calls, parse_workflow_ref
from pipelines.errors import Finding, Severity
from pipelines.model import Job, Permissions, Workflow
from pipelines.records import dataclass

_LEVELS = ("none", "read", "write")
_SHOWN = 3


def too_much_asked(workflow: Workflow, calls: Calls) -> tuple[Finding, ...]:
    """Return an error for each job whose called workflows, at any level, ask for more than it may hand on.

    Where nobody says anything about permissions everything is allowed: GitHub's default is a setting of a repository.
    """
    checks = _Checks(calls)
    findings = []
    for job in workflow.jobs.values():
        if job.uses is not None and job.uses_place is not None:
            told = next(checks.of_call(job, None, workflow.permissions, ()), None)
            if told is not None:
                findings.append(Finding(Severity.ERROR, job.uses_place, told))
    return tuple(findings)


@dataclass(slots=True)
class _Checks:
    calls: Calls
    sound: set[tuple[str, tuple[tuple[str, str], ...] | None]] = field(default_factory=set)

    def of_call(
        self, job: Job, caller: Called | None, inherited: Permissions | None, open_: tuple[str, ...]
    ) -> Iterator[str]:
        """Yield what a job's call asks for too much; `inherited` is what the job has if it says nothing itself."""
        assert job.uses is not None
        allowed = inherited if job.permissions is None else job.permissions
        address = parse_workflow_ref(job.uses).within(caller).address
        called = self.calls.get(address)
        known = address, None if allowed is None else tuple(sorted(allowed.items()))
        if called is None or address in open_ or known in self.sound:
            return
        own = called.workflow.permissions
        yield from _more(f"the called workflow {address}", own, allowed)
        for inner in called.workflow.jobs.values():
            yield from _more(f"the job {inner.key} of the called workflow {address}", inner.permissions, allowed)
            if inner.uses is not None:
                yield from self.of_call(inner, called, allowed if own is None else own, (*open_, address))
        self.sound.add(known)


def _more(who: str, asked: Permissions | None, allowed: Permissions | None) -> Iterator[str]:
    if asked is None or allowed is None:
        return
    more = [scope for scope, level in asked.items() if _level(asked, scope) > _level(allowed, scope)]
    if more:
        wants = ", ".join(f"{scope}: {asked[scope]}" for scope in more[:_SHOWN]) + (", …" if more[_SHOWN:] else "")
        has = ", ".join(f"{scope}: {allowed.get(scope, 'none')}" for scope in more[:_SHOWN])
        yield f"{who} asks for more permissions ({wants}) than its caller has ({has})"


def _level(permissions: Mapping[str, str], scope: str) -> int:
    return _LEVELS.index(permissions.get(scope, "none"))
