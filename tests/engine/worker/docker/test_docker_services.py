"""Services in Docker: networks, ports of this machine, the relay's two programs, and what an engine leaves behind."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.core.errors import EngineError, ExecutorUnavailable
from engine.worker.docker.relay import prepare_relay
from engine.worker.docker.services import last_lines
from engine.worker.services import ServicePlan, Services, ServicesSpec
from pipelines.container_options import BoxOptions, Health
from pipelines.ports import Port
from pipelines.volumes import Volume

if TYPE_CHECKING:
    from tests.engine.worker.conftest import Bench

pytestmark = pytest.mark.docker

HTTPD = ("sh", "-c", "mkdir /w; echo served >/w/i; exec httpd -f -p 80 -h /w")


def serve(bench: "Bench", *services: ServicePlan, said: list[str] | None = None, **more: Any) -> Services:
    spec = services_spec(bench, *services, **more)
    return bench.executor.serve(spec, (said if said is not None else []).append, lambda: None)


def services_spec(bench: "Bench", *services: ServicePlan, **more: Any) -> ServicesSpec:
    box = bench.spec()
    values: dict[str, Any] = {"image": box.image, "relayed": True} | more
    return ServicesSpec(box.name, box.folder, box.labels, services, **values)


def web(bench: "Bench", **more: Any) -> ServicePlan:
    values: dict[str, Any] = {"command": HTTPD, "ports": (Port(80, 8080),)} | more
    return ServicePlan("web", bench.image or "", **values)


def opened(bench: "Bench", services: Services, said: list[str] | None = None, image: str | None = None) -> Any:
    """Open a box beside the services, which are ready then."""
    session = bench.open(bench.spec(network=services.network, **({"image": image} if image else {})))
    services.ready(bench.boxes[-1], (said if said is not None else []).append, lambda: None)
    return session


def test_busybox_carries_localhost_to_a_service(docker_bench: "Bench") -> None:
    services = serve(docker_bench, web(docker_bench))
    session = opened(docker_bench, services)
    script = "wget -q -O- http://localhost:8080/i; wget -q -O- http://127.0.0.1:8080/i; wget -q -O- http://web/i"
    assert docker_bench.run(session, 0, script).exit_code == 0
    assert docker_bench.log(session, 0) == b"served\n" * 3
    services.remove()


CLIENT = """
use strict; use IO::Socket::INET;
my $all = join '', map { chr(65 + $_ % 26) } 1 .. 300000;
my @socks = map { IO::Socket::INET->new(PeerAddr => 'localhost', PeerPort => 7000) or die $! } 1 .. 5;
for my $sock (@socks) {
    if (!fork) { print $sock $all; shutdown $sock, 1; exit }
}
print join(' ', map { my $sock = $_; local $/; my $back = <$sock>; $back eq $all ? 'whole' : 'cut' } @socks), "\n";
my $udp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 7001, Proto => 'udp') or die $!;
$udp->send('ping'); $udp->recv(my $answer, 100); print "$answer\n";
"""
ECHO = """
use strict; use IO::Socket::INET;
if (!fork) {
    my $in = IO::Socket::INET->new(LocalPort => 7, Proto => 'udp') or die;
    while (defined(my $peer = $in->recv(my $data, 1000))) { $in->send("$data pong", 0, $peer) }
}
$SIG{CHLD} = 'IGNORE';
my $in = IO::Socket::INET->new(LocalPort => 7, Listen => 50, ReuseAddr => 1) or die;
while (my $sock = $in->accept) {
    next if fork;
    local $/ = \\60000;
    while (my $data = <$sock>) { print $sock $data }
    exit;
}
"""


def test_perl_carries_much_at_once_both_ways_and_datagrams(docker_bench: "Bench", docker_debian: str) -> None:
    echo = ServicePlan(
        "echo", docker_debian, entrypoint=("perl", "-e", ECHO), ports=(Port(7, 7000), Port(7, 7001, "udp")),
        health=Health("perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(q(localhost:7))'", 0.2, retries=50),
    )  # fmt: skip
    services = serve(docker_bench, echo, image=docker_debian)
    session = opened(docker_bench, services, image=docker_debian)
    end = docker_bench.run(session, 0, CLIENT, argv=("perl", "{0}"))
    assert (end.exit_code, docker_bench.log(session, 0)) == (0, b"whole whole whole whole whole\nping pong\n")
    services.remove()


def test_what_no_image_at_hand_can_carry_is_warned_of_with_the_name_to_use(docker_bench: "Bench") -> None:
    said: list[str] = []
    services = serve(docker_bench, web(docker_bench, ports=(Port(80, 8080), Port(53, 53, "udp"))))
    session = opened(docker_bench, services, said)
    assert "reach them by name, such as web:80" in said[0]
    assert docker_bench.run(session, 0, "wget -q -O- http://web/i").exit_code == 0
    services.remove()


def test_containers_of_a_job_share_a_volume_by_its_name(docker_bench: "Bench") -> None:
    volume = Volume("/shared", "data")
    writer = ServicePlan(
        "writer", docker_bench.image or "", volumes=(volume,), command=("sh", "-c", "echo x >/shared/f; exec sleep 100")
    )
    services = serve(docker_bench, writer, relayed=False)
    session = docker_bench.open(
        docker_bench.spec(network=services.network, volumes=(Volume("/here", "data", read_only=True),))
    )
    script = "until cat /here/f 2>/dev/null; do sleep .02; done; ! touch /here/g 2>/dev/null"
    assert docker_bench.run(session, 0, script).exit_code == 0
    services.remove()


def test_ports_of_this_machine_are_on_its_loopback_alone(docker_bench: "Bench") -> None:
    services = serve(docker_bench, web(docker_bench, ports=(Port(80),)), on_machine=True, relayed=False)
    port = int(services.facts()["web"]["ports"]["80"])
    with socket.create_connection(("127.0.0.1", port), 5):
        pass
    with pytest.raises(OSError), socket.create_connection((socket.gethostbyname(socket.gethostname()), port), 5):
        assert socket.gethostbyname(socket.gethostname()).startswith("127."), "reached from elsewhere"
        raise OSError
    services.remove()


def test_a_port_that_another_job_has_is_waited_for_and_a_strangers_is_refused(
    docker_bench: "Bench", tmp_path: Path
) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        with pytest.raises(ExecutorUnavailable, match=f"port {port} of this machine"):
            serve(docker_bench, web(docker_bench, ports=(Port(80, port),)), on_machine=True, relayed=False)
    docker_bench.executor.settle()  # type: ignore[attr-defined]
    spec = services_spec(docker_bench, web(docker_bench, ports=(Port(80, port),)), on_machine=True, relayed=False)
    first = docker_bench.executor.serve(spec, lambda _: None, lambda: None)
    said, waits = [], threading.Event()

    def say(line: str) -> None:
        said.append(line)
        if "waits for a port" in line:
            first.remove()
            waits.set()

    other = ServicesSpec(f"{spec.name}-other", spec.folder, spec.labels, spec.services, on_machine=True)
    second = docker_bench.executor.serve(other, say, lambda: None)
    assert waits.is_set()
    second.remove()


def test_what_fails_to_start_leaves_nothing(docker_bench: "Bench") -> None:
    bad = ServicePlan("bad", docker_bench.image or "", options=BoxOptions(user="nobody-there"))
    with pytest.raises(ExecutorUnavailable, match="The service bad cannot be started"):
        serve(docker_bench, web(docker_bench), bad)
    with pytest.raises(ExecutorUnavailable, match="The image localhost:1/no/such:1 is neither here"):
        serve(docker_bench, ServicePlan("bad", "localhost:1/no/such:1"))
    docker_bench.executor.settle()  # type: ignore[attr-defined]
    assert docker_bench.executor.strays([]) == []


def test_the_log_of_a_service_is_kept_to_its_end(docker_bench: "Bench") -> None:
    loud = ServicePlan("loud", docker_bench.image or "", command=("sh", "-c", "seq 1 5000; echo err >&2; exit 3"))
    said: list[str] = []
    services = serve(docker_bench, loud, relayed=False)
    until(lambda: b"err" in services.logs("loud", 1 << 20))
    opened(docker_bench, services, said)
    assert said == ["##[warning]The service loud has ended already, with exit code 3."]
    assert b"5000\n" in services.logs("loud", 1 << 20)
    assert len(services.logs("loud", 100)) <= 100
    docker_bench.boxes[-1].remove()
    services.remove()
    docker_bench.executor.settle()  # type: ignore[attr-defined]
    assert services.logs("loud", 100) == b""


def test_services_of_a_known_box_are_no_strays_and_others_are(docker_bench: "Bench") -> None:
    services = serve(docker_bench, web(docker_bench))
    opened(docker_bench, services)
    box = docker_bench.boxes[-1]
    docker_bench.executor = docker_bench.again()
    assert docker_bench.executor.strays([box.id]) == []
    again = docker_bench.executor.adopt_services(services_spec(docker_bench, web(docker_bench)))
    assert again is not None
    assert (again.network, again.facts()) == (services.network, services.facts())
    again.ready(box, lambda line: pytest.fail(line) if "warning" in line else None, lambda: None)
    assert len(docker_bench.executor.strays([])) == 3  # box, service, relay


def test_services_of_a_job_on_this_machine_are_known_by_its_name(docker_bench: "Bench") -> None:
    serve(docker_bench, web(docker_bench, ports=()), on_machine=True, relayed=False)
    assert docker_bench.executor.strays([docker_bench.spec().name]) == []
    assert len(docker_bench.executor.strays([])) == 1


def test_services_that_lost_one_of_them_are_not_taken_up(docker_bench: "Bench") -> None:
    services = serve(docker_bench, web(docker_bench))
    docker_bench.executor._client.api.remove_container(services.facts()["web"]["id"], force=True)  # type: ignore[attr-defined]
    assert docker_bench.executor.adopt_services(services_spec(docker_bench, web(docker_bench))) is None


def test_an_unhealthy_service_says_what_its_check_said(docker_bench: "Bench") -> None:
    sick = ServicePlan(
        "sick", docker_bench.image or "", command=("sleep", "100"), health=Health("echo no good; false", 0.1, retries=1)
    )
    services = serve(docker_bench, sick)
    with pytest.raises(EngineError, match=r"The service sick is not healthy\. Its last word: no good"):
        opened(docker_bench, services)
    services.remove()


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("never")


def test_a_log_that_is_cut_begins_with_a_whole_line() -> None:
    assert last_lines(b"half a secret\nwhole\n", 10) == b"whole\n"
    assert last_lines(b"whole\n", 10) == b"whole\n"
    assert last_lines(b"one line without an end", 10) == b""


def test_a_relay_is_laid_out_over_no_link_that_an_earlier_one_has_left(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_text("untouched")
    place = prepare_relay(tmp_path)
    (place / "relay.sh").unlink()
    (place / "relay.sh").symlink_to(stranger)
    assert prepare_relay(tmp_path) == place
    assert not (place / "relay.sh").is_symlink()
    assert stranger.read_text() == "untouched"
