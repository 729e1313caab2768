"""Workflow texts, once per distinct content, and their parsed form. A run is planned, run and retried from these."""

import hashlib
import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from engine.store.database import Database
from engine.store.tables.events import DefinitionRow
from pipelines.called import Called, Calls, WorkflowRef
from pipelines.model import Workflow
from pipelines.parse import parse_workflow
from pipelines.policy import parse_policy


class Definitions:
    def __init__(self, database: Database) -> None:
        self._db = database
        self._lock = threading.Lock()
        self._parsed: dict[str, Workflow] = {}
        self._asked: set[str] = set()  # since texts were forgotten last: a run may be about to be recorded with one

    def keep(self, path: str, text: str, policy: str) -> tuple[str, Workflow]:
        """Record a workflow file together with the repository's policy; return its digest and its parsed form.

        Raises WorkflowError with every complaint about either file.
        """
        digest = hashlib.sha256("\0".join((path, text, policy)).encode()).hexdigest()
        with self._lock:
            self._asked.add(digest)
            known = self._parsed.get(digest)
        if known is not None:
            return digest, known
        workflow = _parse(path, text, policy)
        with self._db.write():
            DefinitionRow.insert(digest=digest, path=path, text=text, policy=policy).on_conflict_ignore().execute()
        with self._lock:
            self._parsed[digest] = workflow
        return digest, workflow

    def workflow(self, digest: str) -> Workflow:
        """Return the workflow that a run was planned from. Raises WorkflowError if this version reads it no more."""
        with self._lock:
            self._asked.add(digest)
            known = self._parsed.get(digest)
        if known is None:
            row = DefinitionRow.get_by_id(digest)
            known = _parse(row.path, row.text, row.policy)
            with self._lock:
                self._parsed[digest] = known
        return known

    def part(self, digest: str, jobs: Collection[str]) -> Workflow:
        """Return a workflow with at least these of its jobs: of a text that is asked for the first time, no other is
        parsed, and nothing is kept; who asks again needs it. Raises WorkflowError if this version reads it no more."""
        with self._lock:
            again = digest in self._parsed or digest in self._asked
            self._asked.add(digest)
        if again:
            return self.workflow(digest)
        row = DefinitionRow.get_by_id(digest)
        return _parse(row.path, row.text, row.policy, jobs)

    def called(self, calls: Mapping[str, Any]) -> Calls:
        """Return the workflows that a run calls, from what `pinned` made of them. Raises WorkflowError."""
        found = {}
        for address, told in calls.items():
            ref = WorkflowRef(told["path"], told["repository"], told["ref"], told["host"])
            found[address] = Called(ref, self.workflow(told["definition"]), told["definition"], told["sha"])
        return found

    def forget(self, digests: Collection[str]) -> None:
        """Remove texts that nothing in the store speaks of, but those that were asked for since the last `spare`."""
        # In this order: whoever plans inside a write asks for texts, and waits for no other write then.
        with self._db.write(), self._lock:
            for digest in set(digests) - self._asked:
                self._parsed.pop(digest, None)
                DefinitionRow.delete().where(DefinitionRow.digest == digest).execute()

    def spare(self) -> None:
        """Begin to note anew what is asked for."""
        with self._lock:
            self._asked.clear()


def pinned(calls: Calls) -> dict[str, Any]:
    """Return called workflows as a run keeps them: the text by its digest, the commit that a ref led to."""
    return {
        address: {**asdict(one.ref), "definition": one.definition, "sha": one.sha} for address, one in calls.items()
    }


def _parse(path: str, text: str, policy: str, only: Collection[str] | None = None) -> Workflow:
    workflow = parse_workflow(text, path, only)
    return parse_policy(policy).apply(workflow) if policy else workflow
