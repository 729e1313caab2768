"""Composite actions and the built-in ones as steps of a job: inputs, outputs, levels, failures, time."""

from pathlib import Path

import pytest

from engine.worker.fake_executor import FakeExecutor, FakeStep
from tests.engine.worker.conftest import settings_for
from tests.engine.works import Works

CHECKOUT = "- uses: actions/checkout@v4"
GREET = """
    name: Greet
    inputs:
      who: {required: true}
      Greeting: {default: "hello ${{ github.ref_name }}"}
      sure: {required: true}
    outputs:
      said: {value: "${{ steps.say.outputs.text }}!"}
      none: {value: "${{ steps.nobody.outputs.text }}"}
    runs:
      using: composite
      steps:
        - id: say
          shell: sh
          run: |
            echo "> ${{ inputs.greeting }}, $WHO"
            echo "text=${{ inputs.who }}" >> "$GITHUB_OUTPUT"
          env: {WHO: "${{ inputs.who }}"}
    """


def action(*steps: str, more: str = "") -> str:
    """Return an action.yml with these steps, each of them flow YAML."""
    lines = ["name: Test", *([more] if more else []), "runs:", "  using: composite", "  steps:"]
    return "\n".join(
        [*lines, *(f"    - {{shell: sh, {step}}}" if "run:" in step else f"    - {{{step}}}" for step in steps)]
    )


def test_an_action_gets_its_inputs_and_gives_outputs(works: Works) -> None:
    works.write({".ci/greet/action.yml": GREET})
    ended = works.run(f"""
        steps:
          {CHECKOUT}
          - id: greet
            uses: ./.ci/greet
            with: {{WHO: "${{{{ github.actor }}}}", odd: 1}}
          - run: echo "> $SAID [${{{{ steps.greet.outputs.none }}}}] ${{{{ toJSON(inputs) }}}}"
            env: {{SAID: "${{{{ steps.greet.outputs.said }}}}"}}
        """)
    assert ended.said() == ["hello main, ada", "ada! [] {}"]
    assert ended.warnings() == [
        "Greet has no input 'odd'; it has who, Greeting, sure.",
        "Greet needs the input 'sure', which is not given.",
    ]


def test_whoever_gives_a_deprecated_input_is_told_what_to_do(works: Works) -> None:
    old = "inputs: {old: {deprecationMessage: use new}, new: {}}"
    works.write({"a/action.yml": action("run: 'echo \"> ${{ inputs.old }}\"'", more=old)})
    ended = works.run(f"steps: [{CHECKOUT[2:]}, {{uses: ./a, with: {{old: 1}}}}, {{uses: ./a, with: {{new: 1}}}}]")
    assert (ended.said(), ended.warnings()) == (["1", ""], ["The input 'old' of Test is deprecated: use new"])


def test_actions_may_use_actions_and_built_in_ones(works: Works) -> None:
    works.write(
        {
            "outer/action.yaml": action(
                "uses: actions/checkout@v4, with: {path: copy}",
                "uses: ./copy/inner, id: in, with: {n: '1'}",
                "uses: actions/upload-artifact@v4, with: {name: kept, path: copy/hello.txt}",
                'run: \'echo "> outer ${{ steps.in.outputs.n }} ${GITHUB_ACTION_PATH##*/}"\'',
                more='outputs: {n: {value: "${{ steps.in.outputs.n }}"}}',
            ),
            "inner/action.yml": action(
                'run: \'echo "> inner ${{ inputs.n }} ${{ github.action_path }}" | sed "s,/.*/,,"; '
                'echo "n=2" >> "$GITHUB_OUTPUT"\', id: x',
                more='inputs: {n: {}}\noutputs: {n: {value: "${{ steps.x.outputs.n }}"}}',
            ),
        }
    )  # fmt: skip
    ended = works.run(f"""
        steps:
          {CHECKOUT}
          - id: out
            uses: ./outer
          - uses: actions/download-artifact@v4
            with: {{name: kept, path: got}}
          - run: |
              echo "> ${{{{ steps.out.outputs.n }}}} $(cat got/hello.txt) ${{GITHUB_ACTION_PATH-none}}"
        """)
    assert ended.status == "success", ended.log()
    assert ended.said() == ["inner 1 inner", "outer 2 outer", "2 hello none"]


def test_a_failure_in_an_action_fails_its_step(works: Works) -> None:
    works.write(
        {
            "act/action.yml": action(
                "run: exit 4, id: bad, continue-on-error: true",
                "run: 'echo \"> ${{ steps.bad.outcome }} ${{ steps.bad.conclusion }}\"'",
                "run: exit 5",
                "run: 'echo \"> never\"'",
                "run: 'echo \"> cleanup ${{ github.action_status }} ${{ job.status }}\"', if: failure()",
                more='outputs: {o: {value: "${{ steps.bad.outcome }}"}}',
            )
        }
    )
    ended = works.run(f"""
        steps:
          {CHECKOUT}
          - id: act
            uses: ./act
          - if: failure()
            run: echo "> ${{{{ steps.act.outcome }}}} ${{{{ steps.act.outputs.o }}}}"
        """)
    assert ended.said() == ["failure success", "cleanup failure success", "failure failure"]
    assert ended.ends() == ["success", "failed", "success"]
    assert ended.steps()[1].exit_code == 5
    assert ended.attempts()[0].reason == "Process completed with exit code 5."


def test_an_action_that_may_fail_runs_its_own_steps_by_its_own_success(works: Works) -> None:
    works.write({"act/action.yml": action("run: 'echo \"> inside\"'")})
    ended = works.run(f"""
        steps:
          {CHECKOUT}
          - run: exit 1
          - if: always()
            uses: ./act
        """)
    assert ended.said() == ["inside"]


def test_the_environment_of_an_action_is_its_callers_and_what_it_sets_outlives_it(works: Works) -> None:
    works.write(
        {
            "act/action.yml": action(
                'run: \'echo "> $JOB $CALL $OWN"; echo "SET=by the action" >> "$GITHUB_ENV"\', env: {OWN: own}',
                "run: 'echo \"> [$OWN] $SET ${{ env.CALL }}\"'",
            )
        }
    )
    ended = works.run(f"""
        env: {{JOB: job, CALL: job}}
        steps:
          {CHECKOUT}
          - uses: ./act
            env: {{CALL: call}}
          - run: echo "> $CALL $SET"
        """)
    assert ended.said() == ["job call own", "[] by the action call", "job by the action"]


def test_summaries_of_an_actions_steps_are_kept_together(works: Works) -> None:
    write = 'run: \'echo "# ${{ github.action }}" >> "$GITHUB_STEP_SUMMARY"\''
    works.write({"act/action.yml": action(f"{write}, id: one", f"{write}, id: two")})
    ended = works.run(f"steps:\n  {CHECKOUT}\n  - uses: ./act")
    assert works.store.queries.summaries(ended.attempts()[0].id) == ["# one\n\n# two\n"]


@pytest.mark.parametrize("uses", ["./nowhere", "./hello.txt"])
def test_an_action_that_is_not_there_fails_its_step(works: Works, uses: str) -> None:
    ended = works.run(f"steps:\n  {CHECKOUT}\n  - uses: {uses}")
    error = f"{uses} has no action.yml. Is the repository checked out before this step?"
    assert (ended.ends(), ended.errors()) == (["success", "failed"], [error])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("runs: {using: composite, steps: [{run: x}]}", "./made/action.yml:1:34: error: "),
        ("runs: {using: node99, main: index.js}", "./made/action.yml:1:15: warning: an action of the kind 'node99' is"),
        (
            "inputs: {x: {default: \"${{ fromJSON('{') }}\"}}\nruns: {using: composite, steps: [{run: x, shell: sh}]}",
            "`inputs.x.default` cannot be worked out: ",
        ),
        (
            "outputs: {x: {value: \"${{ fromJSON('{') }}\"}}\n"
            "runs: {using: composite, steps: [{run: 'true', shell: sh}]}",
            "`outputs.x` cannot be worked out: ",
        ),
    ],
)
def test_an_action_that_a_step_has_made_is_read_as_carefully(works: Works, text: str, error: str) -> None:
    steps = """
        steps:
          - run: mkdir made; printf '%s' "$TEXT" > made/action.yml
            env: {TEXT: "${{ vars.TEXT }}"}
          - uses: ./made
          - if: failure()
            run: echo "> after"
        """
    ended = works.run(steps, variables={"TEXT": text})
    assert ended.ends() == ["success", "failed", "success"], ended.log()
    assert ended.errors()[0].startswith(error)


def test_actions_that_use_each_other_for_ever_are_stopped(works: Works) -> None:
    works.write({"act/action.yml": action("uses: ./act")})
    ended = works.run(f"steps:\n  {CHECKOUT}\n  - uses: ./act")
    assert ended.ends() == ["success", "failed"]
    assert ended.errors() == ["./act: actions are nested more than 9 deep."]


def test_the_timeout_of_a_step_holds_for_all_that_its_action_runs(works: Works) -> None:
    works.write(
        {
            "outer/action.yml": action("uses: ./inner", "run: 'echo \"> never\"', if: always()"),
            "inner/action.yml": action("run: 'sleep 100; echo \"> never\"'", "run: 'echo \"> never\"', if: always()"),
        }
    )
    ended = works.run(f"""
        steps:
          {CHECKOUT}
          - uses: ./outer
            timeout-minutes: 0.005
          - if: always()
            run: echo "> job goes on"
        """)
    assert ended.said() == ["job goes on"]
    assert ended.ends() == ["success", "timed_out", "success"]
    assert ended.errors() == ["The step was ended: it ran past its timeout of 0.005 minutes."]


def test_the_timeout_of_a_step_holds_for_a_built_in_action(tmp_path: Path) -> None:
    def hang_on_find(step: FakeStep) -> int:
        return 143 if "find" in step.script and step.interrupted.wait(30) else 0

    works = Works(tmp_path, settings_for(tmp_path), fake=FakeExecutor(hang_on_find)).start()
    ended = works.run("""
        steps:
          - uses: actions/upload-artifact@v4
            with: {path: "*"}
            timeout-minutes: 0.001
          - if: always()
            run: "true"
        """)
    works.close()
    assert ended.ends() == ["timed_out", "success"]
    assert ended.errors() == ["The step was ended: it ran past its timeout of 0.001 minutes."]


def test_what_a_built_in_action_says_about_its_failure_is_the_steps_reason(works: Works) -> None:
    ended = works.run("""
        steps:
          - uses: actions/upload-artifact@v4
            with: {path: nothing*, if-no-files-found: error}
        """)
    assert ended.ends() == ["failed"]
    [error] = ended.errors()
    assert error.startswith("No files were found with the provided path: nothing*.")
    assert ended.attempts()[0].reason == error


def test_a_step_of_an_action_runs_after_a_cancel_if_its_step_always_does(works: Works) -> None:
    works.write(
        {"act/action.yml": action("run: 'echo \"> inside\"'", "run: 'echo \"> ${{ job.status }}\"', if: cancelled()")}
    )
    run_id = works.record(f"""
        steps:
          {CHECKOUT}
          - run: echo begun; sleep 100
          - uses: ./act
          - if: always()
            uses: ./act
        """)
    works.until_said(run_id, "\nbegun\n")
    works.cancel(run_id)
    ended = works.ended(run_id)
    assert ended.said() == ["inside", "cancelled"]
    assert ended.ends() == ["success", "cancelled", "skipped", "success"]
    assert ended.statuses == {"a": "cancelled"}


def test_a_cancel_in_the_middle_of_an_action_ends_it_but_for_what_always_runs(works: Works) -> None:
    works.write(
        {
            "act/action.yml": action(
                "run: 'echo begun; sleep 100'",
                "run: 'echo \"> never\"'",
                "run: 'echo \"> ${{ github.action_status }}\"', if: always()",
            )
        }
    )
    run_id = works.record(f"steps:\n  {CHECKOUT}\n  - uses: ./act\n  - run: echo '> never'")
    works.until_said(run_id, "\nbegun\n")
    works.cancel(run_id)
    ended = works.ended(run_id)
    assert ended.said() == ["cancelled"]
    assert ended.ends() == ["success", "cancelled", "skipped"]
