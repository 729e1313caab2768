"""The laws of `container.options`."""

import pytest

from pipelines.container_options import BoxOptions, ContainerOptions, Health, parse_container_options


def test_the_flags_of_docker_run_become_fields() -> None:
    text = (
        "--user 1000:1000 -w /src --network=none --hostname box --shm-size 1g --cap-add SYS_PTRACE --cap-add net_raw "
        "--read-only --tmpfs /tmp --ulimit nofile=10:20 --cpus 1.5 -m 512m -e A=1 --env 'B=two words'"
    )
    box = BoxOptions(
        user="1000:1000", workdir="/src", network="none", hostname="box", shm_size_bytes=1 << 30,
        cap_add=("SYS_PTRACE", "NET_RAW"), read_only=True, tmpfs=("/tmp",), ulimits=("nofile=10:20",),
    )  # fmt: skip
    env = {"A": "1", "B": "two words"}
    assert parse_container_options(text) == ContainerOptions(box, cpus=1.5, memory_bytes=512 << 20, env=env)


def test_a_service_says_how_it_is_found_to_be_ready() -> None:
    text = (
        '--health-cmd="pg_isready -U me" --health-interval 10s --health-timeout=1m30s --health-retries 5 '
        "--health-start-period 500ms --name db --network-alias base --entrypoint /x --init "
        "--mount type=tmpfs,destination=/var/lib,tmpfs-size=1g,tmpfs-mode=1777"
    )
    found = parse_container_options(text, service=True)
    assert found.health == Health("pg_isready -U me", 10.0, 90.0, 0.5, 5)
    assert (found.box.aliases, found.entrypoint) == (("db", "base"), "/x")
    assert found.box.tmpfs == ("/var/lib:size=1073741824,mode=1777",)
    assert parse_container_options("--no-healthcheck", service=True).health == Health(off=True)


@pytest.mark.parametrize(
    "text",
    [
        "--network bridge", "--health-retries 0", "--health-interval 10", "--health-cmd", "--name 'a b'",
        "--mount type=bind,source=/,destination=/x", "--mount type=tmpfs,destination=x",
        "--mount type=tmpfs,dst=/x,a=b",
    ],
)  # fmt: skip
def test_what_a_service_may_not_ask_for_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text.split()[0]):
        parse_container_options(text, service=True)


def test_no_options_are_none() -> None:
    assert parse_container_options("  ") == ContainerOptions()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("--privileged", "--privileged"), ("--privileged=true", "--privileged"), ("-v /:/host", "-v"),
        ("--volume=/:/host", "--volume"), ("--pid host", "--pid"), ("--device /dev/kvm", "--device"),
        ("--security-opt seccomp=unconfined", "--security-opt"), ("--network host", "host"), ("--net=host", "host"),
        ("--cap-add SYS_ADMIN", "SYS_ADMIN"), ("--cap-add ALL", "ALL"), ("--memry 1g", "--memory"), ("image", "image"),
        ("--cpus", "--cpus"), ("--cpus 0", "--cpus"), ("-e HOME", "HOME"), ("--memory lots", "--memory"),
        ("--tmpfs tmp", "--tmpfs"), ("--ulimit nofile", "--ulimit"), ("--read-only=maybe", "--read-only"),
        ("--user 'x", "words"), ("-itv /:/x", "-itv"),
    ],
)  # fmt: skip
def test_what_is_unknown_or_weakens_the_box_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named.replace("(", "\\(")):
        parse_container_options(text)
