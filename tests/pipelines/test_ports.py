"""The laws of `ports:`."""

import pytest

from pipelines.ports import Port, assign_ports, parse_ports


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("5432", [Port(5432)]), ("5433:5432", [Port(5432, 5433)]), ("53/udp", [Port(53, None, "udp")]),
        ("127.0.0.1:80:8080", [Port(8080, 80)]), ("0.0.0.0::80", [Port(80)]), ("[::1]:1:2/tcp", [Port(2, 1)]),
        ("7000-7001:80-81", [Port(80, 7000), Port(81, 7001)]), (" 80-81 ", [Port(80), Port(81)]),
    ],
)  # fmt: skip
def test_a_port_is_read_as_docker_reads_it(text: str, ports: list[Port]) -> None:
    assert list(parse_ports(text)) == ports


@pytest.mark.parametrize(
    "text",
    ["", "http", "0", "65536", "80:", "80/icmp", "1-3:1-2", "3-1", "10.0.0.5:80:80", "8.8.8.8::53", "-p 80", "1:2:3"],
)
def test_what_is_no_port_of_this_machine_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|protocol|ranges"):
        parse_ports(text)


def test_any_port_becomes_the_containers_own_if_nobody_else_asks_for_it() -> None:
    ports = [Port(80), Port(80, 81), Port(81), Port(80), Port(80, None, "udp")]
    assigned = assign_ports(ports)
    assert [port.host for port in assigned] == [80, 81, 49152, 49153, 80]
    assert [port.container for port in assigned] == [port.container for port in ports]
    assert assign_ports(assigned) == assigned


def test_two_that_ask_for_one_port_are_refused() -> None:
    with pytest.raises(ValueError, match="8080"):
        assign_ports([Port(80, 8080), Port(81, 8080)])
