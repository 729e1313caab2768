"""An attempt that an earlier engine left, taken up by one whose configuration says otherwise: it goes on where it is,
or all of it is ended before it is told as over."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.home import home_id
from engine.settings.model import Settings
from tests.app.cli.kinds import processes_of
from tests.engine.worker.conftest import leftovers, settings_for
from tests.engine.works import Works

GATED = """
    retry: {max: 1, backoff: 0s}
    steps:
      - run: echo "begun"; until [ -e gate ]; do sleep .05; done
      - run: "[ -e gate ] && echo '> went on'"
      - run: echo '> always'
        if: always()
    """


class Left:
    """Engines, one after the other, of a home whose label `here` means one thing and then another."""

    def __init__(self, folder: Path, kind: str, image: str) -> None:
        self.folder, self.kind, self.image = folder, kind, image
        self.works = self._engine({"here": "host" if kind == "host" else image})

    def begin(self, text: str) -> int:
        run_id = self.works.record(text, executor="")
        self.works.until_said(run_id, "\nbegun")
        self.works.close()
        assert self.alive()
        return run_id

    def again(self, labels: dict[str, str], executor: str = "docker") -> Works:
        self.works = self._engine(labels, executor)
        return self.works

    def alive(self) -> list[str]:
        """Processes and containers that run, those that wait for their removal left out."""
        home = self.works.settings.home
        ours = [f"--filter=label=treadle={home_id(home)}", "--filter=label=treadle.job", "--filter=status=running"]
        boxes = [] if self.kind == "host" else self._docker("ps", "-q", *ours).split()
        return processes_of(home) + boxes

    def open_gate(self) -> None:
        if self.kind == "host":
            [job] = (self.works.settings.home / "work").iterdir()
            (job / "workspace" / "gate").touch()
        else:
            [box] = self.alive()
            self._docker("exec", box, "touch", "gate")

    def close(self) -> None:
        self.works.close()

    def _engine(self, labels: dict[str, str], executor: str = "docker") -> Works:
        settings: Settings = settings_for(self.folder, labels=labels, executor=executor)
        return Works(self.folder, settings).start()

    @staticmethod
    def _docker(*line: str) -> str:
        return subprocess.run(["docker", *line], check=True, capture_output=True, text=True).stdout


@pytest.fixture(params=["host", pytest.param("docker", marks=pytest.mark.docker)])
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Left]:
    image = request.getfixturevalue("docker_engine") if request.param == "docker" else "busybox:latest"
    left = Left(tmp_path, request.param, image)
    yield left
    left.close()
    assert left.alive() == []
    assert request.param == "host" or leftovers(home_id(left.works.settings.home)) == []


@pytest.mark.parametrize(
    ("labels", "executor"),
    [({}, "docker"), ({"here": "no/such-image:1"}, "docker"), ({"here": "host"}, "docker"), ({}, "host")],
    ids=["removed", "another image", "this machine", "all on this machine"],
)
def test_what_runs_goes_on_in_its_box_whatever_its_label_means_by_now(
    left: Left, labels: dict[str, str], executor: str
) -> None:
    run_id = left.begin(GATED)
    works = left.again(labels, executor)
    left.open_gate()
    ended = works.ended(run_id)
    assert (ended.status, len(ended.attempts())) == ("success", 1), ended.log()
    assert ended.said() == ["went on", "always"]


def test_one_that_is_cancelled_ends_in_its_box_with_all_that_it_started(left: Left) -> None:
    run_id = left.begin(GATED)
    left.works = Works(left.folder, left.works.settings)
    left.works.cancel(run_id)
    left.works.close()
    works = left.again({})
    ended = works.ended(run_id)
    assert (ended.statuses, ended.said()) == ({"a": "cancelled"}, ["always"])
    works.until(lambda: not left.alive(), "nothing of it runs")


def test_a_new_attempt_runs_where_the_label_leads_now(left: Left) -> None:
    run_id = left.begin(GATED.replace("[ -e gate ] &&", "[ $TREADLE_ATTEMPT != 1 ] &&"))
    works = left.again({"here": "host"})
    left.open_gate()
    works.until(lambda: works.job(run_id, "a").attempts == 2, "a second attempt")
    works.until_said(run_id, "\nbegun", attempt=2)
    assert [one.box_executor for one in works.store.queries.attempts(works.job(run_id, "a").id)] == [left.kind, "host"]
    works.cancel(run_id)
    works.ended(run_id)


def test_what_cannot_be_taken_up_is_ended_before_it_is_told_as_over(left: Left) -> None:
    run_id = left.begin("""
        steps:
          - run: echo "begun"; setsid sleep 4761 & sleep 4761
          - uses: actions/checkout@v4
        """)
    shutil.rmtree(left.works.repo_root / ".git")
    for cache in (left.works.settings.home / "cache" / "checkouts").iterdir():
        shutil.rmtree(cache) if cache.is_dir() else cache.unlink()
    works = left.again({})
    works.until_final(run_id)
    assert left.alive() == []
    assert "is gone" in works.job(run_id, "a").reason


def test_nor_what_the_store_can_say_nothing_of(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = left.begin('steps: [{run: "echo begun; sleep 4762"}]')
    monkeypatch.setattr("engine.worker.job_runner.Assignment", lambda *_: 1 / 0)
    works = left.again({})
    works.until_final(run_id)
    assert left.alive() == []
