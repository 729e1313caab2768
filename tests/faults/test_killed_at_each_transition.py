"""kill -9 right before and right after every write of a status: the end is as if there had been none.

What is killed is a whole engine, with jobs that are real processes. The rows of the tables are counted, so that a new
one that no story comes to fails here.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from engine.core.states import TABLES
from tests.app.cli.test_run_endings import processes_of
from tests.faults.killer import AFTER, BEFORE
from tests.faults.plant import Plant
from tests.faults.stories import STORIES

ROOT = Path(__file__).resolve().parents[2]
STAGES = 3  # engines at once
Key = tuple[str, str, str]


@dataclass
class Theatre:
    """Plays stories in processes of their own, `STAGES` at once."""

    folder: Path
    stages: "SimpleQueue[subprocess.Popen[str]]" = field(default_factory=SimpleQueue)

    def play(self, plant: Plant, kill: tuple[str, ...] | None = None) -> str:
        """Have a story played; return how that ended: killed, ended, failed."""
        stage = self.stages.get()
        try:
            assert stage.stdin is not None and stage.stdout is not None
            asked = {"story": type(plant).__name__, "root": str(plant.root), "kill": kill}
            print(json.dumps(asked), file=stage.stdin, flush=True)
            return stage.stdout.readline().strip()
        finally:
            self.stages.put(stage)


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    theatre = Theatre(tmp_path_factory.mktemp("theatre"))
    line = [sys.executable, "-m", "tests.faults.killer"]
    processes = [
        subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(STAGES)
    ]
    for process in processes:
        theatre.stages.put(process)
    yield theatre
    for process in processes:
        process.communicate(timeout=20)
        assert process.returncode == 0


@dataclass
class Played:
    """A story as it is without a kill: where it can be played from, how it ends, and what was written meanwhile."""

    template: Plant
    told: dict[str, Any]
    keys: list[Key]


@pytest.fixture(scope="module")
def played(theatre: Theatre) -> list[Played]:
    def play(name: str) -> Played:
        template = STORIES[name](theatre.folder / name)
        template.make()
        plant = template.copy_to(theatre.folder / f"{name}-whole")
        assert theatre.play(plant) == "ended", said(plant)
        end = end_of(plant)
        return Played(template, end["told"], [(noun, before, cause) for noun, before, cause in end["keys"]])

    with ThreadPoolExecutor(STAGES) as threads:
        return list(threads.map(play, STORIES))


def said(plant: Plant) -> str:
    return (plant.root / "said").read_text()[-3000:]


def end_of(plant: Plant) -> Any:
    return json.loads((plant.root / "end.json").read_text())


def sound(plant: Plant) -> None:
    """Nothing ran twice, in one attempt or at once, and nothing is left."""
    assert set(plant.effects().values()) <= {1}, plant.effects()
    assert not [line for line in plant.effects() if line.startswith("twice")]
    assert processes_of(plant.root / "home") == []
    assert list((plant.root / "home" / "work").iterdir()) == []


def test_every_row_of_the_tables_is_come_to(played: list[Played]) -> None:
    rows = {(noun, str(status), cause) for noun, table in TABLES.items() for status, cause in table}
    assert rows - {key for one in played for key in one.keys} == set(), "tell a story in stories.py that comes to it"


@pytest.mark.timeout(400)
def test_a_kill_before_or_after_any_write_of_a_status_changes_no_end(theatre: Theatre, played: list[Played]) -> None:
    seen: set[Key] = set()
    kills: list[tuple[Played, Key, str]] = []
    for story in played:
        kills += [(story, key, side) for key in story.keys if key not in seen for side in (BEFORE, AFTER)]
        seen |= set(story.keys)

    def kill(number: int) -> str:
        story, key, side = kills[number]
        plant = story.template.copy_to(theatre.folder / f"kill-{number}")
        what = f"{type(plant).__name__} killed {side} {' '.join(key)}"
        if (how := theatre.play(plant, (*key, side))) != "killed":
            return f"{what}: {how} instead\n{said(plant)}"
        if theatre.play(plant) != "ended":
            return f"{what}: it does not go on\n{said(plant)}"
        try:
            assert end_of(plant)["told"] == story.told
            sound(plant)
        except AssertionError as error:
            return f"{what}: {error}\n{said(plant)}"
        return ""

    with ThreadPoolExecutor(STAGES) as threads:
        wrong = [one for one in threads.map(kill, range(len(kills))) if one]
    assert len(kills) >= 2 * sum(map(len, TABLES.values()))
    assert not wrong, f"{len(wrong)} of {len(kills)}:\n" + "\n\n".join(wrong)
