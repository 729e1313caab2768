"""What a container adds: the workspace, limits, users, networks, missing images, and nothing left behind."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests.exceptions

from engine.core.errors import EngineError, ExecutorUnavailable
from engine.worker.docker.executor import DockerExecutor
from pipelines.container_options import BoxOptions

if TYPE_CHECKING:
    from engine.worker.steps.session import Session
    from tests.engine.worker.conftest import Bench

pytestmark = pytest.mark.docker


def make_source(folder: Path) -> Path:
    source = folder / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "file").write_text("original\n")
    (source / "deep" / "file").chmod(0o640)
    return source


CHANGE = "cat deep/file; echo changed >deep/file; rm -r deep; mkdir new; cat new/x 2>/dev/null || echo gone; pwd"


def test_the_workspace_is_a_copy_on_write_view_of_the_source(docker_bench: "Bench", tmp_path: Path) -> None:
    source = make_source(tmp_path)
    session = docker_bench.open(docker_bench.spec(source=source, overlay=True))
    docker_bench.run(session, 0, CHANGE + "; grep -c 'overlay /github/workspace' /proc/mounts")
    assert docker_bench.log(session, 0) == b"original\ngone\n/github/workspace\n1\n"
    assert (source / "deep" / "file").read_text() == "original\n"


@pytest.mark.parametrize("name", ["with, comma", "with: colon"])
def test_a_source_that_an_overlay_cannot_name_is_copied(docker_bench: "Bench", tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    source = make_source(tmp_path / name)
    session = docker_bench.open(docker_bench.spec(source=source, overlay=True))
    docker_bench.run(session, 0, CHANGE)
    assert docker_bench.log(session, 0) == b"original\ngone\n/github/workspace\n"
    assert (source / "deep" / "file").read_text() == "original\n"


def test_a_refused_overlay_is_learnt_once_and_replaced_by_a_copy(docker_bench: "Bench") -> None:
    assert isinstance(docker_bench.executor, DockerExecutor)
    source = Path("/proc/sys/fs/inotify")  # no file system of the kind that an overlay can stand on
    session = docker_bench.open(docker_bench.spec(source=source, overlay=True))
    assert docker_bench.executor.overlay_refused
    docker_bench.run(session, 0, "ls")
    assert docker_bench.log(session, 0) == b"max_queued_events\nmax_user_instances\nmax_user_watches\n"


def test_without_overlay_the_workspace_is_empty_and_the_source_read_only(docker_bench: "Bench", tmp_path: Path) -> None:
    session = docker_bench.open(docker_bench.spec(source=make_source(tmp_path)))
    script = f"ls -A; cat {session.box.source}/deep/file; ! touch {session.box.source}/x 2>/dev/null"
    assert docker_bench.run(session, 0, script).exit_code == 0
    assert docker_bench.log(session, 0) == b"original\n"


@pytest.mark.parametrize("overlay", [False, True])
def test_another_user_owns_the_workspace_and_the_temporary_folder(
    docker_bench: "Bench", tmp_path: Path, overlay: bool
) -> None:
    spec = docker_bench.spec(source=make_source(tmp_path), overlay=overlay, options=BoxOptions(user="1234:1234"))
    session = docker_bench.open(spec)
    script = "id -u; mkdir -p deep; echo mine >deep/file; echo t >/github/temp/x; echo f >$FILES/x; cat deep/file"
    assert docker_bench.run(session, 0, script, env={"FILES": session.inside("file")}).exit_code == 0
    assert docker_bench.log(session, 0) == b"1234\nmine\n"
    assert session.read_file("x", 10) == b"f\n"


def test_a_process_killed_for_memory_is_counted_for_its_own_step(docker_bench: "Bench") -> None:
    session = docker_bench.open(docker_bench.spec(memory_bytes=64 << 20))
    tolerated = docker_bench.run(session, 0, "(tail -c 1000000000 /dev/zero) || true")
    killed = docker_bench.run(session, 1, "exec tail -c 1000000000 /dev/zero")
    plain = docker_bench.run(session, 2, "exit 137")
    assert [(end.exit_code, end.oom_kills) for end in (tolerated, killed, plain)] == [(0, 1), (137, 1), (137, 0)]


def test_limits_and_capabilities_are_set(docker_bench: "Bench") -> None:
    options = BoxOptions(shm_size_bytes=2 << 20, ulimits=("nofile=77:88",), tmpfs=("/scratch:size=1m",))
    session = docker_bench.open(docker_bench.spec(memory_bytes=64 << 20, cpus=0.5, options=options))
    docker_bench.run(
        session, 0, "ulimit -n; grep -E ' /(scratch|dev/shm) ' /proc/mounts; grep CapEff /proc/self/status"
    )
    text = docker_bench.log(session, 0).decode()
    assert text.startswith("77\n")
    assert "size=2048k" in text
    assert "size=1024k" in text
    assert int(text.split("CapEff:\t")[1].split()[0], 16) == 0x200004FB  # no raw sockets, no device nodes
    state = docker_bench.executor._client.api.inspect_container(session.box.id)["HostConfig"]  # type: ignore[attr-defined]
    assert (state["Memory"], state["MemorySwap"], state["NanoCpus"]) == (64 << 20, 64 << 20, 500_000_000)


def test_a_box_without_network_still_knows_localhost(docker_bench: "Bench") -> None:
    session = docker_bench.open(docker_bench.spec(options=BoxOptions(network="none")))
    docker_bench.run(session, 0, "ls /sys/class/net; grep -c localhost /etc/hosts")
    assert docker_bench.log(session, 0) == b"lo\n2\n"


def test_a_hostname_of_its_own_is_kept(docker_bench: "Bench") -> None:
    ready(docker_bench, 1)
    session = docker_bench.open(docker_bench.spec(options=BoxOptions(hostname="mine")))
    docker_bench.run(session, 0, "hostname")
    assert docker_bench.log(session, 0) == b"mine\n"


def ready(bench: "Bench", slots: int) -> DockerExecutor:
    assert isinstance(bench.executor, DockerExecutor)
    assert bench.image
    bench.executor._slots.want(slots, bench.image)
    bench.executor.settle()
    return bench.executor


def joined(session: "Session", executor: DockerExecutor) -> bool:
    host = executor._client.api.inspect_container(session.box.id)["HostConfig"]
    return str(host["NetworkMode"]).startswith("container:")


NETWORK = "ls /sys/class/net; cat /etc/hosts; hostname"


def test_a_slot_gives_a_network_and_nothing_of_the_job_before(docker_bench: "Bench") -> None:
    executor = ready(docker_bench, 1)
    first = docker_bench.open(docker_bench.spec("first"))
    docker_bench.run(first, 0, f"{NETWORK}; echo 6.6.6.6 evil >>/etc/hosts; echo nameserver 6.6.6.6 >/etc/resolv.conf")
    first.end()
    assert first.box.exited(20) is not None
    first.box.remove()
    executor.settle()
    second = docker_bench.open(docker_bench.spec("second"))
    docker_bench.run(second, 0, f"{NETWORK}; ! grep 6.6.6.6 /etc/resolv.conf")
    assert docker_bench.log(second, 0) == docker_bench.log(first, 0)
    assert b"eth0" in docker_bench.log(second, 0)


def test_a_slot_is_free_as_soon_as_its_box_has_left(docker_bench: "Bench") -> None:
    ready(docker_bench, 1)
    first = docker_bench.open(docker_bench.spec("first"))
    docker_bench.run(first, 0, "hostname")
    first.end()
    assert first.box.exited(20) is not None
    second = docker_bench.open(docker_bench.spec("second"))
    docker_bench.run(second, 0, "hostname")
    assert docker_bench.log(second, 0) == docker_bench.log(first, 0)


def test_a_box_with_a_crowd_behind_it_waits_for_its_slot(docker_bench: "Bench") -> None:
    executor = docker_bench.executor
    assert isinstance(executor, DockerExecutor)
    executor.expect(9, docker_bench.image)
    assert joined(docker_bench.open(), executor)


def test_a_job_that_comes_after_a_while_finds_a_slot(docker_bench: "Bench") -> None:
    executor = docker_bench.executor
    assert isinstance(executor, DockerExecutor)
    first = docker_bench.open(docker_bench.spec("first"))
    assert not joined(first, executor)
    first.end()
    assert first.box.exited(20) is not None
    first.box.remove()
    leisure = executor._slots._later
    assert leisure is not None
    leisure.join()
    executor.settle()
    assert joined(docker_bench.open(docker_bench.spec("second")), executor)


def test_two_boxes_never_share_a_slot(docker_bench: "Bench") -> None:
    ready(docker_bench, 1)
    boxes = [docker_bench.open(docker_bench.spec(name)) for name in ("one", "two")]
    for session in boxes:
        docker_bench.run(session, 0, "hostname")
    assert docker_bench.log(boxes[0], 0) != docker_bench.log(boxes[1], 0)


def test_a_slot_that_died_costs_nobody_a_job(docker_bench: "Bench") -> None:
    executor = ready(docker_bench, 1)
    api = executor._client.api
    for slot in api.containers(filters={"label": [f"treadle={docker_bench.home_id}"]}):
        api.kill(slot["Id"])
    session = docker_bench.open()
    assert docker_bench.run(session, 0, "pass").exit_code == 0


def test_a_running_box_keeps_its_network_over_a_restart(docker_bench: "Bench") -> None:
    ready(docker_bench, 1)
    spec = docker_bench.spec()
    first = docker_bench.open(spec)
    second = docker_bench.reopen(spec, first.box.id)
    assert docker_bench.executor.strays([second.box.id]) == []
    docker_bench.run(second, 0, "cat /sys/class/net/eth0/operstate")
    assert docker_bench.log(second, 0) == b"up\n"


def test_slots_of_a_killed_engine_are_strays(docker_bench: "Bench") -> None:
    ready(docker_bench, 2)
    docker_bench.executor = docker_bench.again()
    assert len(docker_bench.executor.strays([])) == 2


def test_an_image_that_cannot_be_had_is_named_with_a_way_out(docker_bench: "Bench") -> None:
    said: list[str] = []
    with pytest.raises(ExecutorUnavailable, match="The image localhost:1/no/such:1 is neither here nor can it") as info:
        docker_bench.executor.ensure_image("localhost:1/no/such:1", said.append)
    assert "docker pull localhost:1/no/such:1" in info.value.fix
    assert said == ["Pull image localhost:1/no/such:1"]
    with pytest.raises(ExecutorUnavailable, match="neither here"):
        docker_bench.open(docker_bench.spec(image="localhost:1/no/such:1"))


def test_an_image_that_is_here_is_not_asked_for(docker_bench: "Bench") -> None:
    said: list[str] = []
    assert docker_bench.image
    docker_bench.executor.ensure_image(docker_bench.image, said.append)
    assert said == []


def test_a_mount_that_cannot_be_made_is_the_jobs_fault(docker_bench: "Bench") -> None:
    with pytest.raises(EngineError):
        docker_bench.open(docker_bench.spec(options=BoxOptions(tmpfs=("/scratch:such=none",))))


def test_a_box_made_twice_is_made_anew(docker_bench: "Bench") -> None:
    spec = docker_bench.spec()
    docker_bench.open(spec)  # as if the reply had been lost
    session = docker_bench.open(spec)
    assert docker_bench.run(session, 0, "pass").exit_code == 0


def test_a_folder_of_the_source_can_be_renamed(docker_bench: "Bench", docker_debian: str, tmp_path: Path) -> None:
    spec = docker_bench.spec(image=docker_debian, source=make_source(tmp_path), overlay=True)
    session = docker_bench.open(spec)
    assert docker_bench.run(session, 0, 'python3 -c \'import os; os.rename("deep", "high")\'').exit_code == 0
    assert docker_bench.run(session, 1, "cat high/file").exit_code == 0
    assert docker_bench.log(session, 1) == b"original\n"


def test_an_engine_that_leaves_keeps_the_network_of_a_running_box(docker_bench: "Bench") -> None:
    ready(docker_bench, 2)
    spec = docker_bench.spec()
    first = docker_bench.open(spec)
    docker_bench.executor.close()
    second = docker_bench.reopen(spec, first.box.id)
    docker_bench.run(second, 0, "cat /sys/class/net/eth0/operstate")
    assert docker_bench.log(second, 0) == b"up\n"


def test_bash_git_and_python_run_in_a_debian_box(docker_bench: "Bench", docker_debian: str) -> None:
    docker_bench.shell = "bash"
    session = docker_bench.open(docker_bench.spec(image=docker_debian))
    script = "trap 'echo caught' INT; kill -INT $$; git init -q . && git status -s; python3 -c 'print(1 + 1)'"
    assert docker_bench.run(session, 0, script).exit_code == 0
    assert docker_bench.log(session, 0) == b"caught\n2\n"


def test_an_engine_that_leaves_while_a_box_is_taken_up_does_not_answer(
    docker_bench: "Bench", monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = docker_bench.spec()
    box_id = docker_bench.open(spec).box.id
    again = docker_bench.again()
    again.check()

    def gone(*_: object) -> None:
        raise requests.exceptions.ConnectionError("Connection aborted.")

    with monkeypatch.context() as patch:
        patch.setattr(again._client.api, "inspect_container", gone)
        with pytest.raises(ExecutorUnavailable, match="No Docker Engine answers"):
            again.adopt(spec, box_id)
    assert again.adopt(spec, box_id) is not None
    again.close()
