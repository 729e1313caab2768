"""Container actions: images pulled and built, run beside the box with its files, ended and removed with the job."""

import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.home import home_id
from engine.worker.actions.container import content_key
from engine.worker.docker.build import ACTION_LABEL
from engine.worker.docker.client import DockerClient
from engine.worker.sibling import ImageFailed, SiblingSpec
from pipelines.container_options import BoxOptions
from tests.engine.worker.conftest import Bench, leftovers, settings_for
from tests.engine.works import Works

pytestmark = pytest.mark.docker

DOCKERFILE = 'FROM busybox:latest\nCOPY run.sh /run.sh\nENTRYPOINT ["/run.sh"]\n'
ACTION = """
    name: Greet
    inputs: {who: {default: world}}
    runs:
      using: docker
      image: Dockerfile
      args: ["to ${{ inputs.who }}", "x y"]
      env: {OWN: "own ${{ inputs.who }}"}
      post-entrypoint: /run.sh
    """
RUN = """\
#!/bin/sh
echo "> $# $1 [$2] $INPUT_WHO $OWN $STATE_seen"
echo "> $(pwd) $HOME $GITHUB_WORKSPACE $(cat hello.txt) $(cat made 2>/dev/null)"
test -s "$GITHUB_EVENT_PATH" || exit 9
echo "by=container" >> "$GITHUB_OUTPUT"
echo "FROM_CONTAINER=set" >> "$GITHUB_ENV"
echo "seen=before" >> "$GITHUB_STATE"
echo kept >> "$HOME/kept"
echo "> home $(cat "$HOME/kept" | wc -l)"
echo written > from-container
[ "$INPUT_WHO$STATE_seen" != hang ] || { echo begun; sleep 100; }
[ "$INPUT_WHO$STATE_seen" != bad ] || exit 7
"""


PLACES = "/github/workspace /github/home /github/workspace hello by-the-box"


@pytest.fixture
def made(docker_works: Works) -> Iterator[Works]:
    """An engine with a Dockerfile action; the images that it builds are gone afterwards."""
    docker_works.action("acme/greet", {"action.yml": ACTION, "Dockerfile": DOCKERFILE, "run.sh": RUN})
    yield docker_works
    client, labels = DockerClient(), [f"treadle={home_id(docker_works.settings.home)}", ACTION_LABEL]
    for image in client.api.images(filters={"label": labels}):
        client.api.remove_image(image["Id"], force=True)
    client.close()


def test_a_dockerfile_action_is_built_once_and_runs_with_the_jobs_files(made: Works) -> None:
    text = """
        steps:
          - uses: actions/checkout@v4
          - run: echo by-the-box > made
          - id: g
            uses: acme/greet@v1
            with: {who: ada}
          - run: echo "> ${{ steps.g.outputs.by }} $FROM_CONTAINER $(cat from-container)"
        """
    ended = made.run(text)
    assert ended.said() == [
        "2 to ada [x y] ada own ada ", PLACES, "home 1",
        "container set written",
        "2 to ada [x y] ada own ada before", PLACES, "home 2",
    ], ended.log()  # fmt: skip
    assert "Building Dockerfile of acme/greet@v1" in ended.log()
    assert "Building" not in made.run(text).log()


def test_an_image_runs_with_the_arguments_that_a_step_gives(docker_works: Works) -> None:
    ended = docker_works.run("""
        steps:
          - run: echo from-the-box > shared; sleep 100 & echo "> $(hostname)"
          - id: image
            uses: docker://busybox:latest
            with:
              entrypoint: /bin/sh
              args: -c 'echo "> $(cat shared) $INPUT_EXTRA $RUNNER_TEMP"; echo x=1 >> $GITHUB_OUTPUT'
              extra: more
          - run: echo "> ${{ steps.image.outputs.x }}"
        """)
    assert ended.said()[1:] == ["from-the-box more /github/runner_temp", "1"], ended.log()
    assert ended.steps()[0].name == "Pull image busybox:latest"


def test_a_container_shares_the_network_of_its_job(docker_works: Works) -> None:
    ended = docker_works.run("""
        steps:
          - run: ip addr show eth0 2>/dev/null | grep inet > box || cat /proc/net/route > box
          - uses: docker://busybox:latest
            with:
              entrypoint: /bin/sh
              args: -c "(ip addr show eth0 2>/dev/null | grep inet || cat /proc/net/route) | cmp - box && echo '> same'"
        """)
    assert ended.said() == ["same"], ended.log()


def test_a_container_that_fails_fails_its_step(made: Works) -> None:
    ended = made.run("""
        steps:
          - uses: actions/checkout@v4
          - uses: acme/greet@v1
            with: {who: bad}
        """)
    assert ended.attempts()[0].exit_code == 7
    assert ended.attempts()[0].reason == "Process completed with exit code 7."


def test_a_container_ends_with_the_job_that_is_cancelled(made: Works) -> None:
    run_id = made.record("steps: [{uses: actions/checkout@v4}, {uses: acme/greet@v1, with: {who: hang}}]")
    made.until_said(run_id, "\nbegun\n")
    made.cancel(run_id)
    ended = made.ended(run_id)
    assert ended.statuses == {"a": "cancelled"}
    made.stop()
    assert leftovers(home_id(made.settings.home)) == []


def test_an_engine_that_stops_leaves_no_container_behind(made: Works) -> None:
    run_id = made.record("steps: [{uses: actions/checkout@v4}, {uses: acme/greet@v1, with: {who: hang}}]")
    made.until_said(run_id, "\nbegun\n")
    made.cancel(run_id)
    made.stop()
    found = DockerClient()
    running = found.api.containers(filters={"label": [f"treadle={home_id(made.settings.home)}"]})
    assert [one for one in running if "treadle-action" in one["Image"]] == []
    found.close()


def test_a_local_action_is_built_from_the_workspace_without_what_is_ignored(made: Works) -> None:
    files = {
        "near/Dockerfile": 'FROM busybox:latest\nCOPY . /all\nENTRYPOINT ["ls", "/all"]\n',
        "near/.dockerignore": "skipped*\n",
        "near/skipped.txt": "",
        "near/taken.txt": "",
    }
    made.write(files)
    ended = made.run("steps: [{uses: actions/checkout@v4}, {uses: ./near}]")
    assert ended.status == "success", ended.log()
    assert "\ntaken.txt\n" in ended.log() and "\nskipped.txt\n" not in ended.log()


def test_an_image_that_cannot_be_built_says_why(made: Works) -> None:
    made.write({"near/Dockerfile": "FROM busybox:latest\nRUN exit 3\n"})
    ended = made.run("steps: [{uses: actions/checkout@v4}, {uses: ./near}]")
    assert ended.errors()[0].startswith("The image of ./near cannot be built: ")
    assert ended.attempts()[0].kind == "failure"


def test_an_image_that_is_not_there_fails_before_the_job(docker_works: Works) -> None:
    ended = docker_works.run("steps: [{run: echo '> never'}, {uses: 'docker://nobody.invalid/none:1'}]")
    assert ended.said() == []
    assert ended.errors()[0].startswith("The image nobody.invalid/none:1 is neither here nor can it be pulled")


def test_a_job_on_this_machine_runs_container_actions_too(docker_engine: str, works: Works) -> None:
    ended = works.run("""
        steps:
          - run: echo here > file
          - uses: docker://busybox:latest
            with: {entrypoint: cat, args: file}
        """)
    assert ended.status == "success", ended.log()
    assert "\nhere\n" in ended.log()


def test_a_job_on_a_machine_without_docker_is_refused_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    works = Works(tmp_path, settings_for(tmp_path)).start()
    works.write({"near/action.yml": "runs: {using: docker, image: 'docker://busybox'}"})
    ended = works.run("steps: [{uses: actions/checkout@v4}, {uses: ./near}]")
    works.close()
    assert ended.errors()[0].startswith("./near runs in a container, and there is no Docker for it. No Docker Engine")


def test_the_key_of_an_image_is_its_content_alone(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/Dockerfile").write_text("FROM x\n")

    def key(name: str) -> str:
        with tarfile.open(tmp_path / name, "w") as tar:
            tar.add(tmp_path / "files", ".")
        return content_key(tmp_path / name, "Dockerfile")

    first = key("one.tar")
    os.utime(tmp_path / "files/Dockerfile", (1, 1))
    assert key("two.tar") == first
    (tmp_path / "files/Dockerfile").chmod(0o755)
    assert key("three.tar") != first


def test_a_container_that_cannot_be_started_leaves_no_descriptor(docker_bench: Bench, tmp_path: Path) -> None:
    box = docker_bench.open(docker_bench.spec(options=BoxOptions(network="none"))).box
    box.kill()  # nobody can join its network then
    siblings = docker_bench.executor.siblings
    assert siblings is not None

    def fail(number: int) -> int:
        spec = SiblingSpec(f"x{number}", docker_bench.image or "", {}, {}, {}, box.id)
        with pytest.raises(ImageFailed):
            siblings.start(spec, number, tmp_path / f"log-{number}", 0.1)
        return sum(f"{tmp_path}/log-" in descriptor for descriptor in descriptors())

    assert [fail(number) for number in range(3)][-1] <= 1  # the line to the last one may be ending still


def descriptors() -> Iterator[str]:
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # of the listing itself
            yield str(one.readlink())
