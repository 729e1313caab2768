"""Of each step's own condition it is kept what every part came to when the step was due: the state is gone later."""

from typing import TYPE_CHECKING

from engine.store.explain import step_reasons
from pipelines.expr_trace import Row

if TYPE_CHECKING:
    from tests.engine.works import Works


def kept(ended) -> dict[int, list[str]]:
    found = step_reasons(ended.attempts()[-1].id)
    return {index: [Row.from_json(row).line for row in rows] for index, rows in found.items()}


def test_the_condition_of_a_step_is_kept_part_by_part_whether_it_ran_or_not(works: "Works") -> None:
    ended = works.run("""
        steps:
          - id: first
            run: echo "word=yes" >> $GITHUB_OUTPUT
          - if: steps.first.outputs.word == 'no' || env.DEPTH == '3'
            env: {DEPTH: 2}
            run: "true"
          - if: steps.first.outputs.word
            run: exit 1
          - run: "true"
          - if: failure() && steps.first.outcome == 'success'
            run: "true"
        """)
    assert ended.ends() == ["success", "skipped", "failed", "skipped", "success"]
    told = kept(ended)
    assert list(told) == [1, 2, 4]
    assert told[1] == [
        "success() && (steps.first.outputs.word == 'no' || env.DEPTH == '3') → false",
        "  success() → true (so far: success)",
        "  steps.first.outputs.word == 'no' || env.DEPTH == '3' → false",
        "    steps.first.outputs.word == 'no' → false",
        "      steps.first.outputs.word → 'yes'",
        "    env.DEPTH == '3' → false",
        "      env.DEPTH → '2'",
    ]
    assert told[4][:2] == [
        "failure() && steps.first.outcome == 'success' → true",
        "  failure() → true (so far: failure)",
    ]


def test_a_secret_in_a_condition_is_not_kept(works: "Works") -> None:
    ended = works.run(
        """
        steps:
          - if: env.KEY == 'swordfish' && contains(env.KEY, 'shark')
            env: {KEY: "${{ secrets.KEY }}"}
            run: "true"
        """,
        secrets={"KEY": "swordfish"},
    )
    [rows] = kept(ended).values()
    assert not any("swordfish" in row for row in rows)
    assert "      env.KEY → '***'" in rows


def test_a_condition_that_cannot_be_worked_out_fails_the_step_with_the_same_words(works: "Works") -> None:
    ended = works.run("""
        steps:
          - if: fromJSON('{').a
            run: "true"
        """)
    assert ended.ends() == ["failed"]
    assert ended.errors()[0].startswith("`if` cannot be worked out: fromJSON: not valid JSON")
