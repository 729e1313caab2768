"""kill -9 right before and right after every write of a status: the end is as if there had been none.

What is killed is a whole engine, with jobs that are real processes, and once more with jobs in containers. The rows of
the tables are counted, so that a new one that no story comes to fails here.
"""

import json
import subprocess
import sys
from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from engine.core.states import TABLES
from engine.worker.docker.client import DockerClient
from tests.app.cli.kinds import processes_of
from tests.faults.killer import AFTER, BEFORE
from tests.faults.plant import Plant
from tests.faults.stories import IN_DOCKER, STORIES

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


def play_whole(theatre: Theatre, name: str) -> Played:
    """Play a story that nobody interrupts."""
    template = STORIES[name](theatre.folder / name)
    template.make()
    plant = template.copy_to(theatre.folder / f"{name}-whole")
    assert theatre.play(plant) == "ended", said(plant)
    end = end_of(plant)
    sound(plant)
    return Played(template, end["told"], [(noun, before, cause) for noun, before, cause in end["keys"]])


@pytest.fixture(scope="module")
def played(theatre: Theatre) -> list[Played]:
    """Every story whose jobs are processes of this machine."""
    with ThreadPoolExecutor(STAGES) as threads:
        return list(threads.map(partial(play_whole, theatre), [name for name in STORIES if name not in IN_DOCKER]))


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


def kill(theatre: Theatre, story: Played, key: Key, side: str) -> str:
    """Play a story that is killed at a write, and played on; return what is wrong then, "" for nothing."""
    plant = story.template.copy_to(theatre.folder / "-".join([type(story.template).__name__, *key, side]))
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


def kill_at_each(theatre: Theatre, stories: list[Played], nouns: Container[str]) -> int:
    """Kill at every kind of write about these that the stories come to, once before and once after; return how often.

    What is written about a job when an attempt begins or ends is the same write.
    """
    seen: set[Key] = set()
    kills: list[tuple[Played, Key, str]] = []
    for story in stories:
        keys = [key for key in story.keys if key[0] in nouns and key not in seen]
        kills += [(story, key, side) for key in keys for side in (BEFORE, AFTER)]
        seen |= set(keys)
    with ThreadPoolExecutor(STAGES) as threads:
        wrong = [one for one in threads.map(lambda one: kill(theatre, *one), kills) if one]
    assert not wrong, f"{len(wrong)} of {len(kills)}:\n" + "\n\n".join(wrong)
    return len(kills)


@pytest.mark.timeout(400)
def test_a_kill_before_or_after_any_write_of_a_status_changes_no_end(theatre: Theatre, played: list[Played]) -> None:
    assert kill_at_each(theatre, played, TABLES) >= 2 * sum(map(len, TABLES.values()))


@pytest.mark.docker
@pytest.mark.timeout(600)
def test_no_kill_has_a_step_in_a_container_run_twice_or_leaves_the_container(
    theatre: Theatre, docker_client: DockerClient, docker_engine: str
) -> None:
    story = play_whole(theatre, *IN_DOCKER)
    boundaries = {
        ("attempt", "", "claimed"), ("step", "pending", "started"), ("step", "running", "succeeded"),
        ("step", "running", "failed"), ("step", "running", "cancelled"), ("attempt", "running", "succeeded"),
        ("attempt", "running", "failed"), ("attempt", "running", "cancelled"),
    }  # fmt: skip
    assert boundaries <= set(story.keys)
    assert kill_at_each(theatre, [story], ("attempt", "step")) >= 2 * len(boundaries)
    homes = [home.read_text().strip() for home in theatre.folder.glob("Boxes-*/home/home.id")]
    left = docker_client.api.containers(all=True, filters={"label": ["treadle"]})
    assert not [one["Names"] for one in left if one["Labels"]["treadle"] in homes]
