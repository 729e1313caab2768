"""The workflows that a run calls: where each is, and under which address the run remembers it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Self, TypeAlias

from pipelines.action_refs import ActionKind, parse_action_ref
from pipelines.model import Trigger, Workflow
from pipelines.records import dataclass

ENDINGS = (".yml", ".yaml")


@dataclass(frozen=True, slots=True)
class WorkflowRef:
    """What a job's `uses:` names: a file of the same commit, or of another `repository` (OWNER/REPO) at `ref`.

    `host` is set when the `uses:` is a whole web address.
    """

    path: str
    repository: str = ""
    ref: str = ""
    host: str = ""

    @property
    def address(self) -> str:
        """What the run remembers it by; a path alone is one of the run's own commit."""
        if not self.repository:
            return self.path
        return f"{self.host}/{self.repository}/{self.path}@{self.ref}".lstrip("/")

    def within(self, caller: "Called | None") -> Self:
        """Return it as a workflow means it that is itself a called one: `./…` is of that one's repository."""
        if self.repository or caller is None:
            return self
        return replace(self, repository=caller.ref.repository, ref=caller.ref.ref, host=caller.ref.host)


@dataclass(frozen=True, slots=True)
class Called:
    """A workflow that is called. `definition` is the digest of its text, `sha` its commit if another repository's."""

    ref: WorkflowRef
    workflow: Workflow
    definition: str = ""
    sha: str = ""

    @property
    def trigger(self) -> Trigger | None:
        """What it says of being called; None when it cannot be."""
        return next((trigger for trigger in self.workflow.on if trigger.event == "workflow_call"), None)


Calls: TypeAlias = Mapping[str, Called]
"""The called workflows of a run, at all levels, by address."""


def parse_workflow_ref(uses: str) -> WorkflowRef:
    """Return what a job's `uses:` names. Raises ValueError with a sentence for a person."""
    try:
        found = parse_action_ref(uses)
    except ValueError as error:
        if "leads out of the repository" in str(error):
            raise
        found = None
    if found is None or found.kind is ActionKind.DOCKER:
        hint = "; did you mean ./ in front?" if uses.endswith(ENDINGS) and "@" not in uses else ""
        raise ValueError(f"{uses[:80]!r} is neither ./PATH/FILE.yml nor OWNER/REPO/PATH/FILE.yml@REF{hint}")
    if not found.path.endswith(ENDINGS):
        raise ValueError(f"{uses[:80]!r} names no .yml file")
    return WorkflowRef(found.path, found.name, found.ref, found.host)
