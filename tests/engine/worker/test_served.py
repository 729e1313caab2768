"""What a job makes of its services: their facts in expressions, their logs in its own, and that none stays behind."""

import subprocess
from pathlib import Path

import pytest

from engine.home import home_id
from engine.worker.fake_executor import FakeExecutor, FakeStep
from tests.engine.worker.conftest import leftovers, settings_for
from tests.engine.works import Works

SERVICES = "services: {db: {image: db, ports: ['5433:5432', 80]}, cache: {image: redis}}"
WEB = """
        services:
          web:
            image: IMAGE
            ports: ["8080:80", 81]
            env: {SAID: "${{ github.event_name }}"}
            command: sh -c 'mkdir /w && echo "$SAID" >/w/i && echo up && exec httpd -f -p 80 -h /w'
            options: --health-cmd "wget -q -O- http://localhost/i" --health-interval 200ms --health-retries 20
"""


def fake_works(tmp_path: Path, executor: FakeExecutor) -> Works:
    settings = settings_for(tmp_path, labels={"here": "image:1"})
    return Works(tmp_path, settings, executor="docker", fake=executor).start()


def say(step: FakeStep) -> int:
    step.write(step.script + "\n")
    return 0


def test_steps_see_where_services_are_and_the_log_ends_with_theirs(tmp_path: Path) -> None:
    executor = FakeExecutor(say)
    works = fake_works(tmp_path, executor)
    ended = works.run(f"""
        {SERVICES}
        container: {{image: "image:2"}}
        outputs: {{net: "${{{{ job.services.db.network }}}}"}}
        steps:
          - run: ${{{{ toJSON(job.services.db.ports) }}}} ${{{{ job.services.db.id }}}}
          - run: ${{{{ job.container.network }}}} ${{{{ job.status }}}}
        """)
    works.close()
    assert ended.status == "success", ended.log()
    assert '\n{\n  "5432": "5433",\n  "80": "80"\n} fake-db\n' in ended.log()
    assert "\nfake-network success\n" in ended.log()
    assert ended.job().outputs == {"net": "fake-network"}
    assert ended.log().endswith(
        "##[group]Log of the service db\nlog of db\n##[endgroup]\n"
        "##[group]Log of the service cache\nlog of cache\n##[endgroup]\n"
    )
    [services] = executor.services.values()
    assert (services.removed, services.ready_for, services.spec.relayed) == (True, ["fake-1"], False)


def test_a_service_that_is_not_healthy_fails_the_job_before_its_first_step(tmp_path: Path) -> None:
    executor = FakeExecutor(say)
    works = fake_works(tmp_path, executor)
    ended = works.run("services: {db: {image: unhealthy}}\nsteps: [{run: x}]")
    works.close()
    [attempt] = ended.attempts()
    assert (attempt.status, attempt.kind, ended.errors()) == (
        "failed", "infrastructure", ["The service db is not healthy."],
    )  # fmt: skip
    assert "log of db" in ended.log()
    assert "##[group]Run x" not in ended.log()
    assert all(services.removed for services in executor.services.values())
    assert all(box.removed for box in executor.boxes.values())


def test_a_missing_image_of_a_service_starts_nothing(tmp_path: Path) -> None:
    executor = FakeExecutor(say, images=frozenset({"image:1"}))
    works = fake_works(tmp_path, executor)
    ended = works.run("services: {db: {image: nowhere}}\nsteps: [{run: x}]")
    works.close()
    assert ended.attempts()[0].kind == "unavailable"
    assert "The image nowhere is neither here" in ended.errors()[0]
    assert (executor.boxes, executor.services) == ({}, {})


def test_a_job_without_services_asks_for_none(tmp_path: Path) -> None:
    executor = FakeExecutor(say)
    works = fake_works(tmp_path, executor)
    ended = works.run('steps: [{run: "${{ toJSON(job) }}"}]')
    works.close()
    assert executor.services == {}
    assert '"status": "success"\n}\n' in ended.log()
    assert "service" not in ended.log()


@pytest.mark.docker
def test_a_service_is_reached_by_its_name_and_at_localhost(docker_works: Works) -> None:
    ended = docker_works.run(
        WEB.replace("IMAGE", docker_works.settings.labels["here"])
        + """
        steps:
          - run: |
              echo "> $(wget -q -O- http://web/i)"
              echo "> $(wget -q -O- http://localhost:8080/i)"
              echo "> ${{ job.services.web.ports['80'] }} ${{ job.services.web.ports['81'] }}"
        """
    )
    assert ended.status == "success", ended.log()
    assert ended.said() == ["push", "push", "8080 81"]
    assert "##[group]Log of the service web\nup\n##[endgroup]\n" in ended.log()


@pytest.mark.docker
def test_in_a_container_of_its_own_a_job_has_names_alone(docker_works: Works) -> None:
    image = docker_works.settings.labels["here"]
    ended = docker_works.run(
        WEB.replace("IMAGE", image)
        + f"""
        container: {{image: "{image}", volumes: ["data:/data"], ports: [80]}}
        steps:
          - run: |
              echo "> $(wget -q -O- http://web/i)"
              wget -q -O- http://localhost:8080/i || echo "> no"
              echo "> ${{{{ job.container.network == job.services.web.network && job.container.id != '' }}}}"
        """
    )
    assert ended.said() == ["push", "no", "true"], ended.log()


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["docker", "host"])
def test_services_outlive_the_engine_and_go_with_their_job(kind: str, docker_engine: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, labels={"here": docker_engine if kind == "docker" else "host"})
    works = Works(tmp_path, settings, executor=kind).start()
    try:
        run_id = works.record(
            WEB.replace("IMAGE", docker_engine).replace('"8080:80", 81', "80")
            + """
        steps:
          - run: echo begun; until [ -e go ]; do sleep .02; done
          - run: echo "> ${{ job.services.web.ports['80'] != '' }}"
        """
        )
        works.until_said(run_id, "\nbegun\n")
        before = containers(works)
        works.stop()
        works.close()
        works = Works(tmp_path, settings, executor=kind).start()
        works.executors.get("docker")  # which looks for what no job wants any more
        assert containers(works) == before
        [attempt] = works.store.queries.running()
        if kind == "docker":
            subprocess.run(["docker", "exec", attempt.box_id, "touch", "go"], check=True, capture_output=True)
        else:
            (works.store.work_folder(attempt.job_id, 1) / "workspace" / "go").touch()
        ended = works.ended(run_id)
        assert (ended.said(), len(ended.attempts())) == (["true"], 1), ended.log()
        assert "##[group]Log of the service web\nup\n" in ended.log()
    finally:
        works.close()
    assert leftovers(home_id(works.store.home)) == []


@pytest.mark.docker
def test_a_cancel_takes_the_services_away_while_they_start(docker_works: Works) -> None:
    image = docker_works.settings.labels["here"]
    run_id = docker_works.record(f"""
        services: {{db: {{image: "{image}", command: sleep 100, options: --health-cmd false --health-interval 1m}}}}
        steps: [run: echo never]
        """)
    docker_works.until_said(run_id, "Service db: starting")
    docker_works.cancel(run_id)
    ended = docker_works.ended(run_id)
    assert ended.statuses == {"a": "cancelled"}
    docker_works.close()
    assert leftovers(home_id(docker_works.store.home)) == []


def containers(works: Works) -> set[str]:
    label = f"label=treadle={home_id(works.store.home)}"
    listed = subprocess.run(["docker", "ps", "-q", "--filter", label], check=True, capture_output=True, text=True)
    return set(listed.stdout.split())
