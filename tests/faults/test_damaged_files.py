"""A file of a home that is damaged: who needs it says so, nobody else minds, and what can be made again is."""

import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli.main import main
from engine.core.clock import SystemClock
from engine.git.repository import start_repository
from engine.store.logs.writer import compress

CI = """
on: push
jobs:
  a:
    runs-on: here
    steps:
      - uses: actions/checkout@v4
      - run: echo needle; mkdir out; echo one > out/one; echo small > small.txt
      - {uses: actions/upload-artifact@v4, with: {name: small, path: small.txt}}
      - {uses: team/act@v1}
      - {uses: actions/cache@v4, with: {path: out, key: k1}}
  b: {needs: a, runs-on: here, steps: [{run: echo needle}]}
"""
ACTION = "name: hi\nruns: {using: composite, steps: [{run: echo from the action, shell: sh}]}\n"
GARBAGE = b"\xff\xfe{garbage\x00" * 40


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _halved(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _garbled(path: Path) -> None:
    path.write_bytes(GARBAGE)


def _gone(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _replaced(path: Path) -> None:
    _gone(path)
    _garbled(path)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "in it").touch()


def _dangling(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/nowhere/at all")


Damage = Callable[[Path], None]
FILE: tuple[Damage, ...] = (_garbled, _folder, _dangling)
RECORD: tuple[Damage, ...] = (_emptied, _garbled, _gone, _folder, _dangling)  # for what else holds something
READS = {
    "list": ("list",),
    "show": ("show", "r1"),
    "logs": ("logs", "j1"),
    "packed": ("logs", "j2"),
    "step": ("logs", "j1", "--step", "1"),
    "artifact": ("artifact", "get", "r1", "small", "--output", "{out}"),
    "search": ("search", "needle"),
    "caches": ("cache", "list"),
    "snapshots": ("snapshot", "list"),
    "checkpoints": ("checkpoint", "list", "j1"),
}
WORKS = {"run": ("run", "ci.yml"), "prune": ("prune",), "snapshot": ("snapshot", "create")}
ALL = frozenset(READS) | frozenset(WORKS)


@dataclass(frozen=True)
class Kind:
    """`path` may be a pattern; the first that it matches is damaged. `told` are the commands that need it: they may
    refuse, with a sentence. All others do as ever."""

    path: str
    damages: tuple[Damage, ...] = FILE
    told: frozenset[str] = frozenset()


def _kind(path: str, *told: str, damages: tuple[Damage, ...] = FILE) -> Kind:
    return Kind(path, damages, frozenset(told))


KINDS = (
    Kind("treadle.db", (*RECORD, _halved), ALL),
    _kind("home.id", damages=RECORD),
    _kind("treadle.lock"),
    _kind("treadle.bell"),
    _kind("search.db", damages=RECORD),
    _kind("artifacts/guard"),
    _kind("artifacts/runs/1/small.json", "artifact", "prune", "snapshot", damages=RECORD),
    _kind("artifacts/blobs/*/*.zst", "artifact", "prune", "snapshot"),
    _kind("artifacts/partial", damages=(_gone,)),
    _kind("cache/actions/entries/*/*.json", damages=RECORD),
    _kind("cache/actions/blobs/*/*.zst"),
    _kind("cache/actions", damages=(_gone,)),
    _kind("cache/checkpoints/blobs/*/*.zst"),
    _kind("cache/action-sources/mirrors/*/HEAD"),
    _kind("cache/action-sources/mirrors/*/fetching"),
    _kind("cache/action-sources/files/*/*", damages=(_gone,)),
    _kind("cache/checkouts/*.json", damages=RECORD),
    _kind("repos/*/HEAD", damages=RECORD),
    _kind("repos/*/config"),
    _kind("snapshots/*-*.json", "prune", damages=RECORD),
    _kind("snapshots/lock"),
    _kind("logs/1/1-1.log", "logs", "step", damages=RECORD),
    _kind("logs/1/1-1.idx", "step"),
    _kind("logs/1/2-1.log.zst", "packed"),
    _kind("logs/1", "logs", "step", "packed", damages=(_gone, _replaced)),
)
CASES = [(kind, damage) for kind in KINDS for damage in kind.damages]


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a repository and a `home` in which something of each kind was left."""
    folder = tmp_path_factory.mktemp("damaged")
    for name, path, text in (("site", ".github/workflows/ci.yml", CI), ("act", "action.yml", ACTION)):
        (folder / name / path).parent.mkdir(parents=True)
        (folder / name / path).write_text(text)
        start_repository(folder / name, "Begin", SystemClock().now())
    head = (folder / "act/.git/HEAD").read_text().removeprefix("ref: ").strip()
    (folder / "act/.git/refs/tags").mkdir(exist_ok=True)
    shutil.copy(folder / "act/.git" / head, folder / "act/.git/refs/tags/v1")
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / "treadle.yml").write_text(
        f"executor: host\nlabels: {{here: host}}\nactions: {{team/act: '{folder / 'act'}'}}\ngrace: 1s\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "site")
        assert main(["run", "ci.yml", "--plain", "--checkpoint", "--home", str(home)]) == 0
        compress(home / "logs/1/2-1.log")
        for line in READS["search"], WORKS["snapshot"]:
            assert main([*line, "--home", str(home)]) == 0
    return folder


@pytest.mark.parametrize(("kind", "damage"), CASES, ids=[f"{kind.path}{damage.__name__}" for kind, damage in CASES])
def test_what_is_damaged_is_told_by_who_needs_it_and_by_nobody_else(
    kind: Kind,
    damage: Damage,
    lived_in: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(lived_in / "site")
    home = tmp_path / "home"
    shutil.copytree(lived_in / "home", home, symlinks=True)
    damage(next(iter(sorted(home.glob(kind.path))), home / kind.path))
    caplog.set_level(logging.WARNING)
    for name, line in {**READS, **WORKS}.items():
        code = main([*(word.format(out=tmp_path / "out") for word in line), "--home", str(home)])
        said = "".join(capfd.readouterr())
        assert "something went wrong" not in said and "Traceback" not in said, (name, said)
        assert code == 0 or (name in kind.told and "treadle: " in said), (name, said)
    assert [record.getMessage() for record in caplog.records if record.exc_info or "File " in record.getMessage()] == []


@pytest.mark.parametrize("damage", [_emptied, _gone, _dangling])
def test_no_engine_begins_anew_beside_what_a_lost_database_told_of(
    damage: Damage,
    lived_in: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(lived_in / "site")
    home, new = tmp_path / "home", tmp_path / "new"
    shutil.copytree(lived_in / "home", home, symlinks=True)
    damage(home / "treadle.db")
    for line in (WORKS["run"], ("--headless",), READS["list"], WORKS["prune"], WORKS["snapshot"], ("backup", "b.tar")):
        assert main([*line, "--home", str(home)]) == 1
        assert "treadle snapshot restore latest --to NEW_HOME" in capfd.readouterr().err
    assert main(["doctor", "--deep", "--home", str(home)]) != 0
    assert "database: " in (said := capfd.readouterr().out) and "treadle snapshot restore" in said
    assert (home / "logs/1/1-1.log").exists() and (home / "artifacts/runs/1/small.json").exists()
    assert main(["snapshot", "restore", "latest", "--to", str(new), "--home", str(home)]) == 0
    assert main(["logs", "j1", "--home", str(new)]) == 0
    assert "needle" in capfd.readouterr().out
