"""JavaScript actions: before, main and after, what they are given and what they save, and which node runs them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.engine import executors_of
from tests.engine.worker.conftest import settings_for
from tests.engine.works import Works

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None and os.environ.get("TREADLE_REQUIRE_DOCKER") != "1", reason="there is no node here"
)

TELL = """
    const fs = require('fs');
    const say = (name, text) => fs.appendFileSync(process.env[name], text + '\\n');
    """
ACTION = """
    name: Tell
    inputs:
      who: {default: "${{ github.actor }}"}
      dry-run: {default: "false"}
    runs: {using: node20, pre: pre.js, main: main.js, post: dist/post.js, post-if: "%s"}
    """
PRE = (
    TELL
    + """
    console.log(`> pre ${process.env.INPUT_WHO} [${process.env.STATE_seen || ''}]`);
    say('GITHUB_STATE', 'seen=by pre');
    """
)
MAIN = (
    TELL
    + """
    const env = process.env, there = process.cwd() === env.GITHUB_WORKSPACE;
    console.log(`> main ${env.INPUT_WHO} ${env['INPUT_DRY-RUN']} ${env.STATE_seen} ${there}`);
    console.log(`> ${env.GITHUB_ACTION} ${env.GITHUB_ACTION_REPOSITORY} ${env.GITHUB_ACTION_REF} ${env.OWN}`);
    say('GITHUB_OUTPUT', 'answer=42');
    say('GITHUB_ENV', 'LEFT=by main');
    say('GITHUB_STATE', `seen=by main of ${process.env.INPUT_WHO}`);
    console.log('::save-state name=old::way');
    if (process.env.INPUT_WHO === 'nobody') process.exit(3);
    """
)
POST = (
    TELL
    + """
    const env = process.env;
    console.log(`> post ${env.INPUT_WHO} ${env.STATE_seen} ${env.STATE_old} ${env.LEFT}`);
    """
)


def tell(works: Works, post_if: str = "always()", name: str = "acme/tell") -> None:
    files = {"action.yml": ACTION % post_if, "pre.js": PRE, "main.js": MAIN, "dist/post.js": POST}
    works.action(name, files)


def rows(works: Works, run_id: int) -> list[str]:
    attempts = works.store.queries.attempts(works.job(run_id, "a").id)
    return [f"{step.name}: {step.status}" for step in works.store.queries.steps(attempts[-1].id)]


def test_an_action_runs_before_in_and_after_the_steps_of_a_job(works: Works) -> None:
    tell(works)
    ended = works.run("""
        steps:
          - run: echo "> first"
          - id: t
            name: Telling ${{ github.ref_name }}
            uses: acme/tell@v1
            with: {who: ada}
            env: {OWN: own}
          - run: echo "> ${{ steps.t.outputs.answer }} $LEFT"
        """)
    assert ended.said() == [
        "pre ada []", "first", "main ada false by pre true", "t acme/tell v1 own", "42 by main",
        "post ada by main of ada way by main",
    ], ended.log()  # fmt: skip
    assert rows(works, ended.run_id) == [
        "Fetch action acme/tell@v1: success", "Pre Telling ${{ github.ref_name }}: success",
        'Run echo "> first": success', "Telling main: success", 'Run echo "> 42 $LEFT": success',
        "Post Telling main: success",
    ]  # fmt: skip
    assert ended.status == "success"


def test_what_runs_after_the_steps_runs_in_reverse_also_after_a_failure(works: Works) -> None:
    tell(works)
    tell(works, "success()", "acme/lucky")
    ended = works.run("""
        steps:
          - uses: acme/tell@v1
            with: {who: one}
          - uses: acme/lucky@v1
            with: {who: two}
          - uses: acme/tell@v1
            with: {who: nobody}
        """)
    posts = [line for line in ended.said() if line.startswith("post")]
    assert posts == ["post nobody by main of nobody way by main", "post one by main of one way by main"]
    assert rows(works, ended.run_id)[-3:] == [
        "Post Run acme/tell@v1: success", "Post Run acme/lucky@v1: skipped", "Post Run acme/tell@v1: success",
    ]  # fmt: skip
    assert ended.attempts()[0].exit_code == 3


def test_a_failure_after_the_steps_fails_the_job(works: Works) -> None:
    works.action("acme/late", {"action.yml": "runs: {using: node20, main: a.js, post: b.js}", "a.js": "",
                               "b.js": "process.exit(4)"})  # fmt: skip
    ended = works.run("steps: [{uses: acme/late@v1}]")
    assert ended.statuses == {"a": "failed"}
    assert ended.attempts()[0].exit_code == 4


def test_what_a_composite_action_leaves_to_be_done_is_done(works: Works) -> None:
    tell(works)
    works.write({"near/action.yml": "runs: {using: composite, steps: [{uses: acme/tell@v1, with: {who: inner}}]}"})
    ended = works.run("""
        steps:
          - uses: actions/checkout@v4
          - uses: ./near
          - run: echo "> between"
        """)
    said = [line for line in ended.said() if "acme/tell" not in line]
    assert said == ["main inner false undefined true", "between", "post inner by main of inner way by main"]


def test_what_an_action_within_another_wants_run_first_is_run_first(works: Works) -> None:
    tell(works)
    use = "runs: {using: composite, steps: [{run: 'true', shell: sh}, {uses: acme/tell@v1, with: {who: '%s'}}]}"
    works.action("acme/both", {"action.yml": "inputs: {who: {default: me}}\n" + use % "${{ inputs.who }} too"})
    works.action("acme/far", {"action.yml": "inputs: {who: {}}\nruns: {using: composite, steps: [{uses: acme/both@v1, "
                                            "with: {who: '${{ inputs.who }}'}}, {uses: acme/both@v1}]}"})  # fmt: skip
    ended = works.run("""
        steps:
          - run: echo "> first"
          - name: Far away
            uses: acme/far@v1
            with: {who: ada}
        """)
    assert [line for line in ended.said() if "acme/tell" not in line] == [
        "pre ada too []", "pre me too []", "first",
        "main ada too false by pre true", "main me too false by pre true",
        "post me too by main of me too way by main", "post ada too by main of ada too way by main",
    ], ended.log()  # fmt: skip
    assert [row for row in rows(works, ended.run_id) if row.startswith("Pre")] == ["Pre Run acme/tell@v1: success"] * 2
    assert not any("is not run" in warning for warning in ended.warnings())


def test_what_an_action_within_a_local_one_wants_run_first_is_told_of(works: Works) -> None:
    tell(works)
    works.write({"near/action.yml": "runs: {using: composite, steps: [{uses: acme/tell@v1, with: {who: inner}}]}"})
    ended = works.run("steps:\n  - uses: actions/checkout@v4\n  - uses: ./near")
    assert ended.warnings()[0] == (
        "The `pre` of acme/tell@v1 is not run: the action that uses it is known since the checkout only."
    )


def test_actions_that_use_themselves_want_nothing_run_first_for_ever(works: Works) -> None:
    tell(works)
    works.action("acme/loop", {"action.yml": "runs: {using: composite, steps: [{uses: acme/tell@v1, with: {who: x}}, "
                                             "{uses: acme/loop@v1}, {uses: acme/loop@v1}]}"})  # fmt: skip
    ended = works.run("steps: [{uses: acme/loop@v1}]")
    assert ended.status == "failed"
    assert [line for line in ended.said() if line.startswith("pre")] == ["pre x []"]


def test_a_local_action_says_that_its_pre_is_not_run(works: Works) -> None:
    works.write(
        {"near/action.yml": "runs: {using: node20, pre: a.js, main: a.js}", "near/a.js": "console.log('> ran')"}
    )
    ended = works.run("steps:\n  - uses: actions/checkout@v4\n  - uses: ./near")
    assert ended.said() == ["ran"]
    assert ended.warnings() == ["The `pre` of ./near is not run: it is known since the checkout only."]


def test_what_runs_after_the_steps_runs_after_a_cancel_too(works: Works) -> None:
    tell(works)
    run_id = works.record("steps:\n  - uses: acme/tell@v1\n  - run: echo begun; sleep 100")
    works.until_said(run_id, "\nbegun\n")
    works.cancel(run_id)
    ended = works.ended(run_id)
    assert ended.said()[-1] == "post ada by main of ada way by main"
    assert ended.statuses == {"a": "cancelled"}


def test_a_restarted_engine_takes_up_an_action_and_what_is_to_follow(works: Works, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    main = MAIN + f"console.log('begun'); const look = () => fs.existsSync('{gate}') || setTimeout(look, 20); look();"
    works.action("acme/slow", {"action.yml": ACTION % "always()", "pre.js": PRE, "main.js": main, "dist/post.js": POST})
    run_id = works.record('steps:\n  - id: t\n    uses: acme/slow@v1\n  - run: echo "> ${{ steps.t.outputs.answer }}"')
    works.until_said(run_id, "\nbegun\n")
    works.stop()
    gate.touch()
    works.executors = executors_of(works.settings, works.store)
    works.start()
    ended = works.ended(run_id)
    assert ended.said()[-2:] == ["42", "post ada by main of ada way by main"], ended.log()
    assert len(ended.attempts()) == 1


def test_a_box_without_node_refuses_and_says_what_to_do(docker_works: Works) -> None:
    tell(docker_works)
    ended = docker_works.run("steps: [{uses: acme/tell@v1}]")
    assert (
        "acme/tell@v1 is a node20 action, and there is no node in the image busybox:latest. Use an image"
        in (ended.errors()[0])
    )
    assert ended.statuses == {"a": "failed"}


@pytest.fixture
def node_folder(tmp_path: Path) -> Path:
    """A folder with bin/node and all the libraries that it needs, for an image that has none of them."""
    node = Path(shutil.which("node") or "").resolve()
    folder = tmp_path / "node"
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    shutil.copy(node, folder / "bin/real")
    listed = subprocess.run(["ldd", node], capture_output=True, text=True, check=True).stdout.split()
    for library in (word for word in listed if word.startswith("/")):
        shutil.copy(library, folder / "lib")
    loader = next(path.name for path in (folder / "lib").iterdir() if path.name.startswith("ld-"))
    script = f'#!/bin/sh\nexec /github/node/lib/{loader} --library-path /github/node/lib /github/node/bin/real "$@"\n'
    (folder / "bin/node").write_text(script)
    (folder / "bin/node").chmod(0o755)
    return folder


@pytest.fixture
def node_works(docker_engine: str, tmp_path: Path, node_folder: Path) -> Iterator[Works]:
    settings = settings_for(tmp_path, labels={"here": docker_engine}, node=str(node_folder))
    works = Works(tmp_path, settings, executor="docker").start()
    yield works
    works.close()


@pytest.mark.docker
def test_a_node_that_the_configuration_names_runs_actions_in_images_without_one(node_works: Works) -> None:
    tell(node_works)
    ended = node_works.run("steps: [{uses: acme/tell@v1}]")
    assert ended.said()[-1] == "post ada by main of ada way by main", ended.log()


@pytest.mark.docker
def test_a_node_that_does_not_run_in_the_image_is_told_of(node_works: Works, node_folder: Path) -> None:
    shutil.copy("/bin/ls", node_folder / "bin/node")
    tell(node_works)
    ended = node_works.run("steps: [{uses: acme/tell@v1}]")
    assert "The node of `node:` in treadle.yml does not run there" in ended.errors()[0]
