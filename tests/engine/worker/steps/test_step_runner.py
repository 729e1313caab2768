"""Steps as GitHub runs them: when, with which environment, in which shell, and what of them others see."""

import shutil
from typing import TYPE_CHECKING

import pytest

from engine.worker.steps import files

if TYPE_CHECKING:
    from tests.engine.works import Works


# -- when a step runs -----------------------------------------------------------------------------------------------


def test_a_step_runs_when_its_condition_says_so(works: "Works") -> None:
    ended = works.run("""
        steps:
          - run: echo "> first"
          - run: exit 7
          - run: echo "> after a failure"
          - if: always()
            run: echo "> always"
          - if: failure()
            run: echo "> failure"
          - if: success()
            run: echo "> success"
          - if: cancelled()
            run: echo "> cancelled"
          - if: "!cancelled()"
            run: echo "> not cancelled ${{ job.status }}"
          - if: failure() && github.ref_name == 'other'
            run: echo "> failure elsewhere"
          - if: github.ref_name == 'main'
            run: echo "> a condition without a status asks for success too"
        """)
    assert ended.said() == ["first", "always", "failure", "not cancelled failure"]
    assert ended.ends() == [
        "success", "failed", "skipped", "success", "success", "skipped", "skipped", "success", "skipped", "skipped",
    ]  # fmt: skip
    assert ended.status == "failed"
    assert ended.errors() == ["Process completed with exit code 7."]
    attempt = ended.attempts()[0]
    assert (attempt.exit_code, attempt.kind, attempt.reason) == (7, "failure", "Process completed with exit code 7.")


def test_a_tolerated_failure_counts_as_success_but_shows_what_it_was(works: "Works") -> None:
    ended = works.run("""
        steps:
          - id: bad
            run: exit 1
            continue-on-error: ${{ github.ref_name == 'main' }}
          - id: good
            run: echo "> ${{ steps.bad.outcome }} ${{ steps.bad.conclusion }} ${{ job.status }}"
          - id: skipped
            if: false
            run: "true"
          - run: echo "> ${{ steps.good.outcome }} ${{ steps.skipped.outcome }} ${{ steps.skipped.conclusion }}"
        """)
    assert ended.said() == ["failure success success", "success skipped skipped"]
    assert ended.status == "success"
    bad = ended.steps()[0]
    assert (bad.outcome, bad.conclusion) == ("failure", "success")


def test_the_environment_of_a_step_may_decide_its_condition(works: "Works") -> None:
    ended = works.run("""
        env: {GO: "no"}
        steps:
          - if: env.GO == 'yes'
            env: {GO: "yes"}
            run: echo "> goes"
          - if: env.GO == 'yes'
            run: echo "> stays"
        """)
    assert ended.said() == ["goes"]


def test_powershell_gets_a_file_that_it_takes_for_a_script_also_once_path_was_added_to(works: "Works") -> None:
    ended = works.run("""
        steps:
          - run: |
              mkdir bin
              printf '#!/bin/sh\\necho "> ${2##*.}"\\n' > bin/pwsh
              chmod +x bin/pwsh
              echo "$PWD/bin" >> "$GITHUB_PATH"
          - shell: pwsh
            run: Get-Date
        """)
    assert ended.said() == ["ps1'"]


# -- expressions that fail ------------------------------------------------------------------------------------------

BROKEN = "${{ fromJSON('{') }}"


@pytest.mark.parametrize(
    ("step", "title", "blamed"),
    [
        (f"if: {BROKEN}\n    run: echo never", "Run echo never", "`if` cannot be worked out: "),
        (f"env: {{BAD: \"{BROKEN}\"}}\n    run: echo never", "Run echo never", "`env.BAD` cannot be worked out: "),
        (f"name: Named\n    run: echo \"{BROKEN}\"", "Named", "`run` cannot be worked out: "),
        (
            f"run: echo never\n    working-directory: \"{BROKEN}\"",
            "Run echo never",
            "`working-directory` cannot be worked out: ",
        ),
        (
            f"run: echo never\n    timeout-minutes: \"{BROKEN}\"",
            "Run echo never",
            "`timeout-minutes` cannot be worked out: ",
        ),
        (
            "run: echo never\n    timeout-minutes: ${{ 'soon' }}",
            "Run echo never",
            "`timeout-minutes` cannot be worked out: 'soon' is not a number of minutes",
        ),
        (
            f"uses: actions/checkout@v4\n    with: {{path: \"{BROKEN}\"}}",
            "Run actions/checkout@v4",
            "`with.path` cannot be worked out: ",
        ),
        ("run: echo never\n    shell: fish", "Run echo never", "The shell 'fish' is neither bash, sh, pwsh nor python"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_worked_out_fails_under_its_own_heading(
    works: "Works", step: str, title: str, blamed: str
) -> None:
    ended = works.run(f"steps:\n  - {step}\n  - if: failure()\n    run: 'echo \"> cleanup\"'")
    assert ended.ends() == ["failed", "success"]
    [error] = ended.errors()
    assert error.startswith(blamed)
    assert f"##[group]{title}\n##[endgroup]\n##[error]{error}\n" in ended.log()
    assert ended.said() == ["cleanup"]
    assert "Traceback" not in ended.log()
    assert ended.attempts()[0].reason == error


def test_a_timeout_of_nothing_is_no_limit(works: "Works") -> None:
    ended = works.run("timeout-minutes: 0\nsteps:\n  - run: 'true'\n    timeout-minutes: ${{ fromJSON('0') }}")
    assert ended.ends() == ["success"]


def test_a_broken_continue_on_error_is_said_and_tolerates_nothing(works: "Works") -> None:
    ended = works.run(f'steps:\n  - run: exit 1\n    continue-on-error: "{BROKEN}"')
    assert ended.status == "failed"
    assert ended.errors()[1].startswith("`continue-on-error` cannot be worked out: ")


def test_a_broken_name_is_shown_as_written(works: "Works") -> None:
    ended = works.run(f"steps:\n  - name: \"{BROKEN}\"\n    run: 'true'")
    assert [step.name for step in ended.steps()] == [BROKEN]


# -- names ----------------------------------------------------------------------------------------------------------


def test_a_name_may_hold_expressions_and_never_a_secret(works: "Works") -> None:
    ended = works.run(
        """
        env: {WHERE: prod}
        steps:
          - id: one
            run: |

              echo "v=1" >> "$GITHUB_OUTPUT"
              more
            continue-on-error: true
          - name: "Deploy  ${{ steps.one.outputs.v }} to ${{ env.WHERE }}"
            run: "true"
          - name: Log in with ${{ secrets.KEY }}
            run: "true"
          - run: echo ${{ env.WHERE }}
          - name: ${{ env.NOTHING }}
            run: echo unnamed
        """,
        secrets={"KEY": "hunter2-hunter2"},
    )
    assert [step.name for step in ended.steps()] == [
        'Run echo "v=1" >> "$GITHUB_OUTPUT"', "Deploy 1 to prod", "Log in with ***", "Run echo prod",
        "Run echo unnamed",
    ]  # fmt: skip


# -- environment ----------------------------------------------------------------------------------------------------


def test_the_log_begins_with_the_secrets_that_are_not_there(works: "Works") -> None:
    text = "steps:\n  - run: echo ${{ secrets.KEY }} ${{ secrets.other }}\n    env: {A: '${{ github.token }}'}"
    ended = works.run(text, secrets={"KEY": "hunter2-hunter2"})
    assert "Secrets that it names and has not: GITHUB_TOKEN, OTHER\n" in ended.log()
    assert "Secrets that" not in works.run("steps: [run: 'true']").log()


@pytest.mark.parametrize(("secrets", "said"), [({"GITHUB_TOKEN": "gt-1"}, "4 4"), ({}, "0 0")])
def test_the_github_token_is_the_one_that_a_person_keeps(works: "Works", secrets: dict[str, str], said: str) -> None:
    env = "{A: '${{ github.token }}', B: '${{ secrets.GITHUB_TOKEN }}'}"
    ended = works.run(f'steps:\n  - run: echo "> ${{#A}} ${{#B}}"\n    env: {env}', secrets=secrets)
    assert ended.said() == [said]


def test_a_later_layer_of_the_environment_hides_an_earlier_one(works: "Works") -> None:
    show = 'echo "> $WORKFLOW $JOB $SET $STEP"'
    see = 'echo "> ${{ env.WORKFLOW }} ${{ env.JOB }} ${{ env.SET }} ${{ env.STEP }}"'
    ended = works.run(f"""
        on: push
        env: {{WORKFLOW: w, JOB: w, SET: w, STEP: w}}
        jobs:
          a:
            runs-on: here
            env: {{JOB: j, SET: j, STEP: j}}
            steps:
              - run: '{show}'
              - run: printf 'SET=s\\nSTEP=s\\n' >> "$GITHUB_ENV"
              - run: '{show}'
                env: {{STEP: own}}
              - run: '{show}; {see}'
        """)
    assert ended.said() == ["w j j j", "w j s own", "w j s s", "w j s s"]


def test_the_runners_own_variables_cannot_be_changed_but_ci_can(works: "Works") -> None:
    ended = works.run("""
        env: {GITHUB_REF: mine, CI: "no", RUNNER_OS: mine}
        steps:
          - run: |
              printf 'GITHUB_SHA=mine\\nRUNNER_TEMP=mine\\nGITHUB_ENV=mine\\nCI=never\\nMINE=yes\\n' >> "$GITHUB_ENV"
          - env: {GITHUB_WORKSPACE: mine}
            run: |
              echo "> $GITHUB_REF $RUNNER_OS $CI $MINE"
              test "$GITHUB_SHA" != mine && test "$RUNNER_TEMP" != mine && test "$GITHUB_WORKSPACE" != mine
              test -w "$GITHUB_ENV"
        """)
    assert ended.status == "success"
    assert ended.said() == ["refs/heads/main Linux never yes"]
    assert ended.errors() == [
        f"GITHUB_ENV cannot change {name}: it is set by the runner."
        for name in ("GITHUB_SHA", "RUNNER_TEMP", "GITHUB_ENV")
    ]


def test_an_environment_and_inputs_may_be_one_expression_that_gives_a_mapping(works: "Works") -> None:
    action = "name: Say\ninputs: {word: {default: none}, count: {default: none}}\n"
    action += "runs: {using: composite, steps: [{shell: sh, run: 'echo \"> ${{ join(inputs.*) }}\"'}]}\n"
    works.write({".github/actions/say/action.yml": action})
    ended = works.run("""
        env: ${{ fromJSON('{"ONE":1,"TWO":"job","NONE":null}') }}
        steps:
          - run: echo "> $ONE $TWO $YES [$NONE] ${{ env.YES }}"
            env: ${{ fromJSON('{"TWO":"step","YES":true}') }}
          - uses: actions/checkout@v4
          - uses: ./.github/actions/say
            with: ${{ fromJSON('{"word":"hello","count":2}') }}
          - continue-on-error: true
            run: echo "> never"
            env: ${{ github.ref_name }}
          - continue-on-error: true
            run: echo "> never"
            env: ${{ fromJSON('{"A":[1]}') }}
        """)
    assert ended.said() == ["1 step true [] true", "hello,2"]
    assert ended.errors() == [
        "`env` cannot be worked out: it must be a mapping, not 'main'",
        "`env` cannot be worked out: A must be text, not a list",
    ]


def test_the_runners_workspace_is_the_folder_that_holds_the_jobs(works: "Works") -> None:
    """Where the templates for CMake build: beside what was checked out."""
    ended = works.run("""
        steps:
          - run: mkdir "${{ runner.workspace }}/build"
          - working-directory: ${{ runner.workspace }}/build
            run: |
              test "$PWD" = "$RUNNER_WORKSPACE/build" && test "$(dirname "$GITHUB_WORKSPACE")" = "$RUNNER_WORKSPACE"
        """)
    assert ended.status == "success"


def test_the_path_that_was_added_last_is_searched_first(works: "Works") -> None:
    ended = works.run("""
        steps:
          - run: |
              for n in one two three; do
                mkdir $n; printf '#!/bin/sh\\necho "> %s"\\n' $n > $n/tool; chmod +x $n/tool
              done
              printf '%s\\n%s\\n' "$PWD/one" "$PWD/two" >> "$GITHUB_PATH"
          - run: tool; echo "$PWD/three" >> "$GITHUB_PATH"
          - run: tool; echo "$PWD/one" >> "$GITHUB_PATH"
          - run: tool
          - run: tool; test "${TREADLE_PATH_PREFIX-unset}" = unset
            env: {PATH: "/usr/bin:/bin"}
          - run: echo "$PATH" | tr ':' '\\n' | grep -c "$PWD/one$" | sed 's/^/> /'
        """)
    assert ended.said() == ["two", "three", "one", "one", "1"]


def test_names_that_no_shell_can_export_reach_a_program_also_behind_an_added_path(works: "Works") -> None:
    """INPUT_DRY-RUN, as actions get it: many a `sh` takes such names out of the environment."""
    ended = works.run("""
        env: {DRY-RUN: 'yes', A.B: c}
        steps:
          - run: echo "$PWD" >> "$GITHUB_PATH"
          - shell: python3 {0}
            run: |
              import os
              path = os.environ["GITHUB_WORKSPACE"] in os.environ["PATH"].split(":")
              print(">", os.environ["DRY-RUN"], os.environ["A.B"], path)
        """)
    assert ended.said() == ["yes c True"]


def test_what_a_step_prints_and_writes_reaches_the_next_ones(works: "Works") -> None:
    ended = works.run("""
        steps:
          - id: one
            run: |
              echo "::set-output name=old::way"
              echo "plain=value" >> "$GITHUB_OUTPUT"
              { echo "lines<<END"; echo a; echo b; echo END; } >> "${{ github.output }}"
              echo "# Title" >> "$GITHUB_STEP_SUMMARY"
          - run: |
              echo "> ${{ steps.one.outputs.plain }} ${{ steps.one.outputs.old }}"
              printf '> %s\\n' '${{ toJSON(steps.one.outputs.lines) }}'
        """)
    assert ended.said() == ["value way", r'"a\nb"']
    assert works.store.queries.summaries(ended.attempts()[0].id) == ["# Title\n"]


def test_a_file_that_cannot_be_read_fails_its_step_and_says_why(works: "Works") -> None:
    ended = works.run("""
        steps:
          - id: one
            run: |
              echo "good=1" >> "$GITHUB_ENV"
              echo "no equals sign" >> "$GITHUB_OUTPUT"
          - if: always()
            run: echo "> $good"
        """)
    assert ended.ends() == ["failed", "success"]
    assert ended.errors() == ["Invalid format 'no equals sign': neither NAME=value nor NAME<<DELIMITER."]
    assert ended.said() == ["1"]


def test_a_command_of_the_step_may_fail_it_and_annotates_it(works: "Works") -> None:
    ended = works.run("""
        steps:
          - run: |
              echo "::warning file=a.py,line=3::look here"
              echo "::stop-commands::error"
          - if: always()
            run: echo "::error::second"
        """)
    assert ended.ends() == ["failed", "success"]
    assert ended.warnings() == ["look here"]
    assert len(ended.errors()) == 2
    steps = [one["step"] for one in works.store.queries.annotations(ended.attempts()[0].id)]
    assert steps == [0, 0, 1]


MATCHER = """
        - run: |
            printf '%s' '{"problemMatcher": [{"owner": "cc", "pattern": [
              {"regexp": "^(\\\\S+):(\\\\d+): (\\\\w+): (.*) .(\\\\w+).$", "file": 1, "line": 2, "severity": 3,
               "message": 4, "code": 5}]}]}' >cc.json
            echo "::add-matcher::cc.json"
        - run: |
            echo "$PWD/src/a.c:7: warning: unused [W1]"
            echo "/elsewhere/b.h:1: error: no ${{ secrets.TOKEN }} [E2]"
            echo "::remove-matcher owner=cc::"
            echo "c.c:7: warning: unseen [W1]"
"""


def test_a_problem_matcher_annotates_the_steps_after_it_until_it_is_removed(works: "Works") -> None:
    ended = works.run(f"steps:\n{MATCHER}", secrets={"TOKEN": "hush-hush"})
    assert ended.ends() == ["success", "success"]
    warning, error = works.store.queries.annotations(ended.attempts()[0].id)
    assert {"step": 1, "level": "warning", "message": "unused", "file": "src/a.c", "line": 7, "code": "W1"}.items() <= (
        warning.items()
    )
    assert (error["message"], error["code"], error.get("file")) == ("no ***", "E2", None)
    log = ended.log().encode()
    assert log[warning["log_start"] :].startswith(b"##[warning]")
    assert log[error["log_start"] :].startswith(b"##[error]/elsewhere/b.h:1: error: no *** [E2]\n")


@pytest.mark.docker
def test_a_problem_matcher_of_the_checkout_is_read_from_the_container(docker_works: "Works") -> None:
    pattern = '{"regexp": "^(.*): (.*)$", "file": 1, "message": 2}'
    docker_works.write({".github/lint.json": f'{{"problemMatcher": [{{"owner": "lint", "pattern": [{pattern}]}}]}}'})
    ended = docker_works.run("""
        steps:
          - uses: actions/checkout@v4
          - run: |
              echo "::add-matcher::.github/lint.json"
              echo "/github/workspace/hello.txt: no good"
        """)
    assert ended.ends() == ["success", "success"]
    [error] = docker_works.store.queries.annotations(ended.attempts()[0].id)
    assert (error["file"], error["message"], error["level"]) == ("hello.txt", "no good", "error")


# -- folders and shells ---------------------------------------------------------------------------------------------


def test_a_step_runs_where_it_is_told(works: "Works") -> None:
    ended = works.run("""
        defaults: {run: {working-directory: "${{ env.SUB }}"}}
        env: {SUB: sub}
        steps:
          - run: mkdir -p sub other
            working-directory: .
          - run: echo "> ${PWD##*/}"
          - run: echo "> ${PWD##*/}"
            working-directory: other
          - run: echo "> $PWD"
            working-directory: /
          - run: echo "> never"
            working-directory: not there
        """)
    assert ended.said() == ["sub", "other", "/"]
    assert ended.ends() == ["success"] * 4 + ["failed"]
    assert "there is no working directory" in ended.log()


def test_the_defaults_of_a_job_go_before_those_of_the_workflow(works: "Works") -> None:
    ended = works.run("""
        on: push
        defaults: {run: {shell: sh, working-directory: /usr}}
        jobs:
          a:
            runs-on: here
            defaults: {run: {working-directory: /}}
            steps:
              - run: echo "> $PWD ${BASH_VERSION:-no bash}"
        """)
    [said] = ended.said()
    assert said.startswith("/ ")
    assert "shell: sh\n" in ended.log()


def test_a_shell_is_what_it_is_called(works: "Works") -> None:
    ended = works.run("""
        steps:
          - run: false | true; echo "> sh without pipefail"
            shell: sh
          - run: |
              false | true
              echo "> never"
            shell: bash
            continue-on-error: true
          - run: print("> python")
            shell: python3 {0}
          - run: hello {0}
            shell: sed -e s/^hello/>/ {0}
          - run: |
              false | true
              echo "> unset: -e without pipefail ${BASH_VERSION:+in bash}"
              false
              echo "> never"
            continue-on-error: true
        """)
    bash = "in bash" if shutil.which("bash") else ""
    assert ended.said() == [
        "sh without pipefail", "python", "{0}", f"unset: -e without pipefail {bash}".rstrip(),
    ]  # fmt: skip


@pytest.mark.docker
def test_a_step_without_a_shell_falls_back_to_sh(docker_works: "Works") -> None:
    ended = docker_works.run("""
        steps:
          - run: echo "> ${BASH_VERSION:-no bash}"; false; echo "> never"
        """)
    assert (ended.said(), ended.ends()) == (["no bash"], ["failed"])


# -- timeouts -------------------------------------------------------------------------------------------------------


def test_a_step_past_its_timeout_is_ended_and_the_job_goes_on_to_clean_up(works: "Works") -> None:
    ended = works.run("""
        steps:
          - id: slow
            run: echo begun; sleep 100
            timeout-minutes: 0.005
          - if: always()
            run: echo "> ${{ steps.slow.outcome }}"
        """)
    assert ended.ends() == ["timed_out", "success"]
    assert ended.statuses == {"a": "failed"}
    assert ended.errors() == ["The step was ended: it ran past its timeout of 0.005 minutes."]
    assert ended.said() == ["failure"]
    assert ended.attempts()[0].kind == "timed_out"


def test_a_tolerated_timeout_does_not_fail_the_job(works: "Works") -> None:
    ended = works.run("""
        steps:
          - run: sleep 100
            timeout-minutes: 0.005
            continue-on-error: true
        """)
    assert (ended.status, ended.ends()) == ("success", ["timed_out"])


def test_steps_hand_on_no_more_in_all_than_can_be_kept_in_memory(
    works: "Works", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ATTEMPT_LIMIT_BYTES", 150)
    ended = works.run("""
    steps:
      - id: one
        run: echo "x=$(printf %080d 1)" >> "$GITHUB_OUTPUT"
      - id: two
        run: echo "x=$(printf %080d 2)" >> "$GITHUB_OUTPUT"
      - if: always()
        run: echo "> ${{ steps.one.outputs.x != '' }} ${{ steps.two.outputs.x }}."
    """)
    assert ended.statuses == {"a": "failed"}
    assert "handed on more than" in ended.errors()[0]
    assert "> true .\n" in ended.log()
