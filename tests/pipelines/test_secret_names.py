"""The laws of telling which secrets a job names."""

from pipelines.parse import parse_workflow
from pipelines.secret_names import secrets_named


def named(job: str) -> set[str]:
    return set(secrets_named(parse_workflow(f"on: push\njobs:\n  a:\n    runs-on: x\n{job}", "ci.yml").jobs["a"]))


def test_every_place_where_a_job_may_name_a_secret_is_looked_at() -> None:
    assert named(
        """\
    env: {A: "${{ secrets.one }}"}
    container: {image: x, credentials: {username: u, password: "${{ secrets['TWO'] }}"}}
    services: {db: {image: y, env: {P: "${{ secrets.Three }}"}}}
    outputs: {o: "${{ secrets.four || secrets.FIVE }}"}
    steps:
      - run: echo ${{ format('{0}', secrets.six) }} ${{ github.token }}
      - {uses: ./x, with: {key: "${{ secrets.seven }}"}, env: {E: "${{ secrets.eight }}"}}
"""
    ) == {"ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "GITHUB_TOKEN"}


def test_what_is_looked_up_by_a_value_is_not_guessed() -> None:
    assert named("    steps: [{run: '${{ secrets[github.ref_name] }} ${{ toJSON(secrets) }} x'}]\n") == set()
