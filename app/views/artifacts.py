"""The artifacts of a home as JSON: what there is, of whom, and until when it is kept."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from app.shapes import artifact_shape, instant
from engine.core.records import Run
from engine.settings.model import Retention
from engine.store.contents.archives import Form, archive_bytes
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.manifest import Artifact, ArtifactError, refuse_damaged
from engine.store.retention import artifact_kept_until
from engine.store.store import Store

PAGE, MOST = 50, 500
RUNS = 100  # so many runs are looked up at once
KEPT = 5000  # and so many runs' artifacts are remembered

Told = Mapping[str, Any]
Seen = frozenset[tuple[str, int, int, int]]  # of each manifest: name, inode, when it was written, size


class ArtifactList:
    """Lists artifacts from their manifests, and remembers what those said: none ever changes. Any thread."""

    def __init__(self, store: Store, artifacts: Artifacts) -> None:
        self._store = store
        self._artifacts = artifacts
        self._folder = artifacts.folder / "runs"
        self._told: dict[int, tuple[Seen, list[Told]]] = {}

    def view(
        self, rules: Retention, repo: str | None = None, before: int | None = None, limit: int = PAGE
    ) -> dict[str, Any]:
        """Return `artifacts`, those of the newest run first, and `before`: the run to page on from, null at the end.

        Whole runs are told, so there may be somewhat more than `limit`. Beside itself an artifact tells its `repo`,
        `workflow`, `run_number`, `job_name`, and `kept_until`, which is null while its run is pinned.
        """
        found: list[Told] = []
        for run in self._runs(repo, before):
            if len(found) >= min(limit, MOST):
                return {"artifacts": found, "before": before}
            before = run.id
            found += self.of_run(run, rules)
        return {"artifacts": found, "before": None}

    def of_run(self, run: Run, rules: Retention) -> list[Told]:
        """Return the artifacts of one run as `view` tells them, the newest first."""
        about = {"repo": run.repo, "workflow": run.workflow_name, "run_number": run.number}
        return [{**told, **about, "kept_until": _kept_until(told, run, rules)} for told in self._read(run.id)]

    def find(self, artifact_id: int) -> Artifact | None:
        """Return the artifact with this id, or None; at once if it was listed before.

        Raises ArtifactError for one that is damaged.
        """
        artifact = self._found(artifact_id)
        if artifact is not None:
            refuse_damaged(artifact)
        return artifact

    def _found(self, artifact_id: int) -> Artifact | None:
        for _, told in list(self._told.values()):
            for one in told:
                if one["id"] == artifact_id:
                    artifact = self._artifacts.get(one["run"], one["name"])
                    return artifact if artifact is not None and artifact.id == artifact_id else None
        return self._artifacts.find(artifact_id)

    def whole(self, artifact_id: int) -> Artifact:
        """Return the artifact with this id. Raises ArtifactError when it has gone."""
        artifact = self.find(artifact_id)
        if artifact is None:
            raise ArtifactError(f"There is no artifact {artifact_id} any more.")
        return artifact

    def archive(self, artifact: Artifact, form: str, start: int = 0) -> Iterator[bytes]:
        """Yield an artifact as an uncompressed tar or zip, from byte `start`. Raises ArtifactError."""
        return self._artifacts.archive(artifact, Form(form), start)

    def file(self, artifact: Artifact, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield one file of an artifact, links followed, from byte `start`. Raises ArtifactError."""
        file = artifact.file(path)
        if file is None:
            raise ArtifactError(f"The artifact has no file {path!r}.")
        return self._artifacts.read(file, start)

    def _runs(self, repo: str | None, before: int | None) -> Iterator[Run]:
        """Yield the runs that may have artifacts, the newest first."""
        names = (path.name for path in self._folder.iterdir())
        numbers = (int(name) for name in names if name.isdecimal())
        ids = iter(sorted((number for number in numbers if before is None or number < before), reverse=True))
        while page := list(islice(ids, RUNS)):
            runs = self._store.queries.runs_by_id(page)
            yield from (run for id in page if (run := runs.get(id)) is not None and repo in (None, run.repo))

    def _read(self, run_id: int) -> list[Told]:
        seen = _seen(self._folder / str(run_id))
        known = self._told.get(run_id)
        if known is None or known[0] != seen:
            artifacts = sorted(self._artifacts.list(run_id), key=lambda one: (one.created_at, one.name), reverse=True)
            names = {job.id: job.name for job in self._store.queries.jobs(run_id)} if artifacts else {}
            if len(self._told) >= KEPT:
                self._told.clear()
            known = seen, [{**artifact_shape(one), "job_name": names.get(one.job_id, "")} for one in artifacts]
            self._told[run_id] = known
        return known[1]


def _seen(folder: Path) -> Seen:
    try:
        with os.scandir(folder) as found:
            stats = [(entry.name, entry.stat(follow_symlinks=False)) for entry in found]
    except FileNotFoundError:  # it went meanwhile
        return frozenset()
    return frozenset((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _kept_until(told: Told, run: Run, rules: Retention) -> str | None:
    if run.pinned:
        return None
    made_at = datetime.fromisoformat(told["created_at"])
    return instant(artifact_kept_until(made_at, told["retention_days"], rules))


def contents_view(artifact: Artifact) -> dict[str, Any]:
    """Return an artifact with its `files`: [{`path`, `size_bytes`, `mode`, `digest` (SHA-256 of the content), `link`
    (where a symbolic link leads, else null)}], and how many bytes each of its `archives` has."""
    files = [
        {"path": file.path, "size_bytes": file.size_bytes, "mode": file.mode, "digest": file.digest, "link": file.link}
        for file in artifact.files
    ]
    archives = {str(form): archive_bytes(artifact, form) for form in Form}
    return artifact_shape(artifact) | {"files": files, "archives": archives}
