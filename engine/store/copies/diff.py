"""What changed from one snapshot to another: runs, jobs, artifacts, logs, settings. Reads both, changes nothing."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import yaml

from engine.store.copies.files import CONFIG, Kept, Kind
from engine.store.copies.snapshots import Snapshot, Snapshots
from pipelines.records import dataclass

MOST = 500  # of each kind that are named; the counts are of all
HIDDEN = ("repos", "notify")  # sections of the configuration that may hold secrets: only that they changed is told


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not the same: `before` is None when it was added, `after` when it was removed."""

    what: str
    name: str
    before: str | None
    after: str | None

    @property
    def verb(self) -> str:
        return "added" if self.before is None else "removed" if self.after is None else "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """`counts` has for each kind of thing how many were added, removed and changed; `changes` names the first."""

    counts: dict[str, dict[str, int]]
    changes: tuple[Change, ...]


def difference(snapshots: Snapshots, old: Snapshot, new: Snapshot) -> Difference:
    """Return what changed from `old` to `new`. Raises BlobError when one of them is damaged."""
    counts: dict[str, dict[str, int]] = {}
    named: list[Change] = []
    for change in _changes(snapshots, old, new):
        verbs = counts.setdefault(change.what, {"added": 0, "removed": 0, "changed": 0})
        verbs[change.verb] += 1
        if sum(verbs.values()) <= MOST:
            named.append(change)
    return Difference(counts, tuple(named))


def write_database(snapshots: Snapshots, snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot's database to a new file, checked piece by piece."""
    with path.open("xb") as out:
        path.chmod(0o600)
        out.writelines(snapshots.blobs.read(snapshot.database))


def _changes(snapshots: Snapshots, old: Snapshot, new: Snapshot) -> Iterator[Change]:
    if old.database != new.database:
        folder = Path(tempfile.mkdtemp(prefix=".diff-", dir=snapshots.folder))
        try:
            for name, snapshot in (("old", old), ("new", new)):
                write_database(snapshots, snapshot, folder / name)
            yield from _rows(folder / "old", folder / "new")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if old.listing != new.listing:
        before = {file.name: file for file in snapshots.files(old)}
        after = {file.name: file for file in snapshots.files(new)}
        for name in dict.fromkeys((*before, *after)):
            a, b = before.get(name), after.get(name)
            if a and b and a.digest == b.digest:
                continue
            file = a or b
            if file and file.kind is Kind.CONFIG:
                yield from _settings(_text(snapshots, a), _text(snapshots, b))
            elif file and not (file.kind is Kind.LOG and file.name.endswith(".idx")):
                yield Change(file.kind, _shown(file), _extent(a), _extent(b))


_RUNS = "SELECT id AS i, workflow_name || ' #' || number AS n, status || ', attempt ' || attempt AS s FROM {0}.run"
_JOBS = "SELECT id AS i, run_id || ' ' || name AS n, status || ', attempts ' || attempts AS s FROM {0}.job"
_REPOS = "SELECT id AS i, name AS n, url || path AS s FROM {0}.repo"
_SECRETS = "SELECT repo_id || ' ' || name AS i, name AS n, cast(updated_at AS TEXT) AS s FROM {0}.secret"
_TOKENS = "SELECT id AS i, name || ' (' || scope || ')' AS n, '' AS s FROM {0}.token"
_NOUNS = (("run", _RUNS), ("job", _JOBS), ("repo", _REPOS), ("secret", _SECRETS), ("token", _TOKENS))


def _rows(old: Path, new: Path) -> Iterator[Change]:
    """Compare the rows that a person knows by their ids; of secrets only that they were set again."""
    with closing(sqlite3.connect(":memory:")) as db:
        for name, path in (("old", old), ("new", new)):
            db.execute(f"ATTACH ? AS {name}", (str(path),))
        for what, query in _NOUNS:
            a, b = query.format("old"), query.format("new")
            both = f"""
                SELECT b.i, b.n, b.s, NULL FROM ({b}) AS b LEFT JOIN ({a}) AS a ON a.i = b.i
                WHERE a.i IS NULL
                UNION ALL SELECT a.i, a.n, NULL, a.s FROM ({a}) AS a LEFT JOIN ({b}) AS b ON b.i = a.i
                WHERE b.i IS NULL
                UNION ALL SELECT a.i, b.n, b.s, a.s FROM ({a}) AS a JOIN ({b}) AS b ON b.i = a.i
                WHERE a.s <> b.s"""
            for _, name, after, before in db.execute(both):
                if what == "secret":
                    before, after = before and "set", after and ("set again" if before else "set")
                yield Change(what, str(name), before, after)


def _settings(before: str, after: str) -> Iterator[Change]:
    a, b = dict(_leaves(before)), dict(_leaves(after))
    for key in dict.fromkeys((*a, *b)):
        if a.get(key) != b.get(key):
            hidden = key.split(".")[0].split("[")[0] in HIDDEN
            yield Change("setting", key, *(v and "(not shown)" if hidden else v for v in (a.get(key), b.get(key))))


def _leaves(text: str) -> Iterator[tuple[str, str]]:
    try:
        yield from _flat("", yaml.safe_load(text))
    except yaml.YAMLError:
        yield CONFIG, "(no YAML)"


def _flat(key: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(f"{key}.{name}" if key else str(name), inner)
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from _flat(f"{key}[{at}]", inner)
    elif key:
        yield key, str(value)


def _text(snapshots: Snapshots, file: Kept | None) -> str:
    return b"".join(snapshots.blobs.read(file.digest)).decode("utf-8", "replace") if file else ""


def _shown(file: Kept) -> str:
    return file.name.split("/", 1)[-1].removeprefix("runs/").removesuffix(".json")


def _extent(file: Kept | None) -> str | None:
    return None if file is None else f"{file.content_bytes or file.size_bytes} bytes"
