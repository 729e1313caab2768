"""Jobs that take checkpoints and begin at them: on this machine, in containers, and over the death of an engine."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.core.beginning import CHECKPOINT, Beginning
from engine.home import home_id
from engine.settings.model import Retention
from tests.engine.worker.conftest import leftovers, settings_for
from tests.engine.works import Ended, Works

STEPS = r"""
checkpoint: true
outputs: {made: "${{ steps.make.outputs.x }}"}
steps:
  - uses: actions/checkout@v4
  - id: make
    run: |
      mkdir -p deep bin; echo content >deep/file; ln -s file deep/link; printf '#!/bin/sh\necho ran' >bin/tool
      chmod 750 bin/tool; rm hello.txt
      echo "x=made" >>"$GITHUB_OUTPUT"; echo "WORD=kept" >>"$GITHUB_ENV"; echo "$PWD/bin" >>"$GITHUB_PATH"
      echo temp >"$RUNNER_TEMP/t"; echo "> made in attempt $TREADLE_ATTEMPT"
  - run: echo "> second in attempt $TREADLE_ATTEMPT"
  - id: last
    run: |
      echo "> $(cat deep/link) $(tool) $WORD $(cat "$RUNNER_TEMP/t") $(ls hello.txt 2>/dev/null)" \
        "${{ steps.make.outputs.x }}"
      echo "> third in attempt $TREADLE_ATTEMPT"; [ "$TREADLE_ATTEMPT" != 1 ]
"""


@pytest.fixture(params=["host", "busybox", "debian"])
def any_works(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Works]:
    """An engine whose jobs run on this machine or in containers, with GNU's tools and without."""
    if request.param == "host":
        works = Works(tmp_path, settings_for(tmp_path))
    else:
        image = request.getfixturevalue("docker_engine" if request.param == "busybox" else "docker_debian")
        works = Works(tmp_path, settings_for(tmp_path, labels={"here": image}), executor="docker")
    yield works.start()
    works.close()
    if request.param != "host":
        assert leftovers(home_id(works.settings.home)) == []


def again_at(ended: Ended, step: int, name: str = "a") -> Ended:
    """Run a job again from the checkpoint before a step."""
    works, job = ended.works, ended.job(name)
    found = works.store.checkpoints.before(job.id, step)
    assert found is not None
    begin_at = Beginning(CHECKPOINT, found.step + 1, found.attempt).to_json()
    works.store.wishes.ask_retry(ended.run_id, [job.id], "again", "ada", works.clock.now(), begin_at)
    works.bus.wake("schedule")
    return works.ended(ended.run_id)


def steps_kept(works: Works, ended: Ended, name: str = "a") -> list[int]:
    return [found.step for found in works.store.checkpoints.list(ended.job(name).id)]


def restarted(works: Works, tmp_path: Path, **more: Any) -> Works:
    """What a later day brings: another engine on the same home."""
    works.close()
    return Works(tmp_path, replace(works.settings, **more), executor=works.executor).start()


def test_a_job_begins_where_its_last_green_step_left_it(any_works: Works) -> None:
    ended = any_works.run(STEPS)
    assert ended.status == "failed"
    assert steps_kept(any_works, ended) == [0, 1, 2]
    assert re.findall(r"Checkpoint after step (\d): [0-9.]+ (?:B|KiB|MiB) new, [0-9.]+ s", ended.log()) == [
        "0",
        "1",
        "2",
    ]
    ended = again_at(ended, 3)
    assert ended.status == "success"
    assert ended.said() == ["content ran kept temp  made", "third in attempt 2"]
    assert ended.job().outputs == {"made": "made"}
    assert ended.ends() == ["success"] * 4
    assert [step.started_at is None for step in ended.steps()] == [True, True, True, False]
    assert ended.said(attempt=1)[-1] == "third in attempt 1"
    assert "The checkpoint after step 2 of attempt 1 is laid down" in ended.log()


def test_an_earlier_checkpoint_has_what_was_then(any_works: Works) -> None:
    ended = again_at(any_works.run(STEPS), 1)
    assert ended.said() == [
        "made in attempt 2",
        "second in attempt 2",
        "content ran kept temp  made",
        "third in attempt 2",
    ]
    assert ended.status == "success"
    assert [one.attempt for one in any_works.store.checkpoints.list(ended.job().id)] == [1, 2, 2]


def test_a_checkpoint_outlives_engine_and_box(any_works: Works, tmp_path: Path) -> None:
    ended = any_works.run(STEPS)
    later = restarted(any_works, tmp_path)
    try:
        ended = again_at(Ended(later, ended.run_id), 3)
        assert ended.said() == ["content ran kept temp  made", "third in attempt 2"]
        assert ended.status == "success"
    finally:
        later.close()


def test_without_the_wish_nothing_is_kept(works: Works) -> None:
    ended = works.run(STEPS.replace("checkpoint: true", ""))
    assert steps_kept(works, ended) == []
    assert "Checkpoint" not in ended.log()
    assert steps_kept(works, works.run(STEPS.replace("checkpoint: true", ""), checkpoint=True)) == [0, 1, 2]


def test_only_steps_that_ran_and_passed_are_kept_but_for_the_last(works: Works) -> None:
    ended = works.run("""
        checkpoint: true
        steps:
          - run: "true"
          - if: false
            run: "true"
          - run: exit 1
            continue-on-error: true
          - run: exit 1
          - if: always()
            run: "true"
          - if: always()
            run: "true"
        """)
    assert steps_kept(works, ended) == [0, 2]
    assert ended.status == "failed"


def test_posts_of_kept_steps_run_in_the_attempt_that_begins_later(works: Works) -> None:
    works.action(
        "own/posting",
        {
            "action.yml": """
                name: x
                runs: {using: composite, steps: [{run: 'echo "> main $TREADLE_ATTEMPT"', shell: sh}]}
                """,
        },
    )
    ended = works.run("""
        checkpoint: true
        steps:
          - uses: own/posting@v1
          - id: cache
            uses: actions/cache@v4
            with: {path: kept, key: k}
          - run: mkdir -p kept; echo 1 >kept/x; exit $((2 - TREADLE_ATTEMPT))
        """)
    assert ended.status == "failed"
    assert len(works.engine.caches.list()) == 0  # type: ignore[union-attr]
    ended = again_at(ended, len(ended.steps()) - 2)
    assert ended.status == "success"
    assert "main" not in "".join(ended.said())
    assert [entry.key for entry in works.engine.caches.list()] == ["k"]  # type: ignore[union-attr]
    assert [step.name for step in ended.steps()][-1].startswith("Post ")


def test_a_masked_value_stays_masked_where_a_later_attempt_begins(works: Works) -> None:
    ended = works.run(
        """
        checkpoint: true
        steps:
          - run: |
              echo "::add-mask::learnt-secret"; echo "S=learnt-secret" >>"$GITHUB_ENV"
              echo "${{ secrets.KEY }}" >file
          - run: echo "> $S $(cat file)"; exit $((2 - TREADLE_ATTEMPT))
        """,
        secrets={"KEY": "hunter2-hunter2"},
    )
    assert ended.said() == ["*** ***"]
    [kept] = works.store.checkpoints.list(ended.job().id)
    assert set(kept.state) == {"sealed"}
    assert "learnt-secret" not in kept.state["sealed"]
    ended = again_at(ended, 1)
    assert (ended.status, ended.said()) == ("success", ["*** ***"])


def test_the_quota_holds_and_the_log_says_what_went(works: Works, tmp_path: Path) -> None:
    small = restarted(works, tmp_path, retention=Retention(checkpoints_bytes=500_000))
    try:
        steps = "checkpoint: true\nsteps:\n" + 4 * "  - run: head -c 200000 /dev/urandom >file\n"
        first, second = small.run(steps), small.run(steps)
        assert steps_kept(small, first) == []
        assert steps_kept(small, second) == [0, 1]
        assert f"The checkpoint after step 0 of job {first.job().id} went to make room." in second.log()
        assert small.store.checkpoints.size_bytes() <= 500_000
    finally:
        small.close()


def test_a_checkpoint_that_is_gone_fails_the_attempt_with_a_sentence(works: Works) -> None:
    ended = works.run(STEPS)
    job_id = ended.job().id
    begin_at = Beginning(CHECKPOINT, 3, 1).to_json()
    for found in works.store.checkpoints.list(job_id):
        works.store.checkpoints.remove(found)
    works.store.wishes.ask_retry(ended.run_id, [job_id], "again", "ada", works.clock.now(), begin_at)
    works.bus.wake("schedule")
    ended = works.ended(ended.run_id)
    assert ended.status == "failed"
    assert ended.errors() == ["The checkpoint after step 2 is gone. Retry the job from its beginning."]


def test_an_installed_program_comes_back_with_its_container(docker_debian: str, tmp_path: Path) -> None:
    works = Works(tmp_path, settings_for(tmp_path, labels={"here": docker_debian}), executor="docker").start()
    try:
        ended = works.run(r"""
            checkpoint: true
            steps:
              - run: |
                  printf '#!/bin/sh\necho "> installed"' >/usr/local/bin/thing; chmod 755 /usr/local/bin/thing
                  mkdir -p /opt/thing && echo data >/opt/thing/data && rm /etc/debian_version
              - run: thing; echo "> $(cat /opt/thing/data) $(ls /etc/debian_version)"; exit $((2 - TREADLE_ATTEMPT))
            """)
        assert ended.status == "failed"
        ended = again_at(ended, 1)
        assert (ended.status, ended.said()) == ("success", ["installed", "data "])
    finally:
        works.close()
