"""Running again precisely: what is taken over from green jobs, beside siblings that still run, one cell, one called
job, and with debug logging; attempts and their logs stay."""

import pytest

from engine.control.asks.retries import Again, retry
from tests.engine.works import Ended, Works

NEEDS = """
jobs:
  make:
    runs-on: here
    outputs: {made: "${{ steps.m.outputs.made }}"}
    steps:
      - id: m
        run: echo "made in $TREADLE_ATTEMPT" >out.txt; echo "made=$TREADLE_ATTEMPT" >>"$GITHUB_OUTPUT"
      - uses: actions/upload-artifact@v4
        with: {name: made, path: out.txt}
  a:
    needs: make
    runs-on: here
    steps:
      - uses: actions/download-artifact@v4
        with: {name: made}
      - run: echo "> $(cat out.txt), ${{ needs.make.outputs.made }}"; [ "$TREADLE_ATTEMPT" != 1 ]
  after:
    needs: a
    runs-on: here
    steps: [{run: 'echo "> after"'}]
  beside:
    runs-on: here
    steps: [{run: 'echo "> beside $TREADLE_ATTEMPT"'}]
"""


def again(ended: Ended, what: str = "", **how: bool) -> Ended:
    works = ended.works
    target = ended.job(what) if what else works.a_run(ended.run_id)
    retry(works.store, target, Again(**how), "ada")
    works.bus.wake("schedule")
    return works.ended(ended.run_id)


def test_what_failed_runs_again_on_outputs_and_artifacts_of_green_jobs(works: Works) -> None:
    ended = works.run(NEEDS)
    assert ended.statuses == {"make": "success", "a": "failed", "after": "skipped", "beside": "success"}
    ended = again(ended, failed=True)
    assert ended.status == "success"
    assert {name: ended.job(name).attempts for name in ended.statuses} == {"make": 1, "a": 2, "after": 1, "beside": 1}
    assert ended.said("a") == ["made in 1, 1"]
    assert ended.said("a", attempt=1) == ["made in 1, 1"]
    assert [str(attempt.status) for attempt in ended.attempts("a")] == ["failed", "success"]


def test_all_of_a_run_runs_again_and_later_artifacts_take_the_place_of_earlier_ones(works: Works) -> None:
    ended = again(works.run(NEEDS))
    assert ended.status == "success"
    assert ended.said("a") == ["made in 2, 2"]
    assert ended.said("beside") == ["beside 2"]
    assert ended.said("beside", attempt=1) == ["beside 1"]


def test_one_job_runs_again_while_its_siblings_still_run(works: Works, tmp_path) -> None:
    gate = tmp_path / "gate"
    run_id = works.record(f"""
        jobs:
          slow:
            runs-on: here
            steps: [{{run: 'echo begun; until [ -e {gate} ]; do sleep 0.02; done'}}]
          a:
            runs-on: here
            steps: [{{run: '[ "$TREADLE_ATTEMPT" != 1 ]'}}]
        """)
    works.until_said(run_id, "\nbegun\n", "slow")
    assert works.until_final(run_id).status == "failed"
    retry(works.store, works.job(run_id, "a"), Again(), "ada")
    works.bus.wake("schedule")
    works.until(lambda: works.job(run_id, "a").status == "success", "a passes")
    assert str(works.job(run_id, "slow").status) == "running"
    gate.touch()
    ended = works.ended(run_id)
    assert (ended.status, ended.job("slow").attempts) == ("success", 1)


def test_one_cell_of_a_matrix_runs_again_alone(works: Works) -> None:
    ended = works.run("""
        jobs:
          a:
            runs-on: here
            strategy: {fail-fast: false, matrix: {n: [1, 2, 3]}}
            steps: [{run: 'echo "> cell ${{ matrix.n }}"; [ ${{ matrix.n }} != 2 ] || [ "$TREADLE_ATTEMPT" != 1 ]'}]
          z:
            needs: a
            runs-on: here
            steps: [{run: 'echo "> z"'}]
        """)
    ended = again(ended, "a (2)")
    assert ended.status == "success"
    assert {name: ended.job(name).attempts for name in ended.statuses} == {"a (1)": 1, "a (2)": 2, "a (3)": 1, "z": 1}


def test_a_called_job_runs_again_alone_and_what_its_call_puts_out_is_worked_out_anew(works: Works) -> None:
    works.write(
        {
            ".github/workflows/inner.yml": """
                on:
                  workflow_call:
                    outputs: {told: {value: "${{ jobs.b.outputs.told }}"}}
                jobs:
                  green:
                    runs-on: here
                    steps: [{run: 'true'}]
                  b:
                    needs: green
                    runs-on: here
                    outputs: {told: "${{ steps.s.outputs.told }}"}
                    steps:
                      - id: s
                        run: echo "told=$TREADLE_ATTEMPT" >>"$GITHUB_OUTPUT"; [ "$TREADLE_ATTEMPT" != 1 ]
                """
        }
    )
    ended = works.run("""
        jobs:
          call: {uses: ./.github/workflows/inner.yml}
          z:
            needs: call
            runs-on: here
            steps: [{run: 'echo "> ${{ needs.call.outputs.told }}"'}]
        """)
    assert ended.statuses == {"call": "failed", "call / green": "success", "call / b": "failed", "z": "skipped"}
    ended = again(ended, "call / b")
    assert ended.status == "success"
    assert ended.said("z") == ["2"]
    assert ended.job("call / green").attempts == 1


DEBUG = """
steps:
  - run: echo "::debug::fine words"; echo "> [$RUNNER_DEBUG] [$ACTIONS_STEP_DEBUG] [${{ runner.debug }}]"; exit 1
"""


def test_debug_logging_is_for_the_attempts_that_it_was_asked_for(works: Works) -> None:
    ended = works.run(DEBUG)
    assert (ended.said(), "##[debug]fine words" in ended.log()) == (["[] [] []"], False)
    ended = again(ended, "a", debug=True)
    assert (ended.said(), "##[debug]fine words" in ended.log()) == (["[1] [true] [1]"], True)
    ended = again(ended, "a")
    assert (ended.said(), "##[debug]fine words" in ended.log()) == (["[] [] []"], False)
    assert "##[debug]fine words" in ended.log(attempt=2)


@pytest.mark.parametrize("how", [{"failed": True}, {}])
def test_debug_logging_is_for_all_that_runs_again_with_it(works: Works, how: dict[str, bool]) -> None:
    text = f"jobs:\n  a:\n    runs-on: here\n{''.join(f'    {line}' + chr(10) for line in DEBUG.strip().splitlines())}"
    text += (
        "  b:\n    needs: a\n    if: always()\n    runs-on: here\n    steps: [{run: 'echo \"> [$RUNNER_DEBUG]\"'}]\n"
    )
    ended = again(works.run(text), debug=True, **how)
    assert ended.said("a") == ["[1] [true] [1]"]
    assert ended.said("b") == ["[1]"]
