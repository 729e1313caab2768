"""One POST to a real server: in bounded time, over a kept connection, without following anything."""

import json
import socket
import threading

import pytest

from engine.forges.post import Client, Unreachable
from engine.forges.statuses import Request
from tests.engine.control.fake_forge import FakeForge


@pytest.fixture
def forge():
    forge = FakeForge()
    yield forge
    forge.close()


def request(url: str, **more) -> Request:
    return Request(url, json.dumps({"state": "x", "context": "c"}).encode(), {}, **more)


def test_a_connection_is_kept_and_opened_anew_when_the_server_closed_it(forge):
    with Client(forge.url) as client:
        assert client.post(request(f"{forge.url}/a")).code == 201
        first = client._connection.sock
        assert client.post(request(f"{forge.url}/b")).code == 201
        assert client._connection.sock is first
        first.shutdown(socket.SHUT_RDWR)  # as if the server had closed it meanwhile
        assert client.post(request(f"{forge.url}/c")).code == 201
    assert [one.path for one in forge.heard] == ["/a", "/b", "/c"]


def test_a_server_that_says_nothing_is_given_up(forge):
    forge.answers.append(None)
    with Client(forge.url, timeout_s=0.1) as client, pytest.raises(Unreachable, match="no answer within"):
        client.post(request(forge.url))


def test_another_thread_can_hang_up(forge):
    client = Client(forge.url)
    assert client.post(request(forge.url)).code == 201
    forge.answers.append(None)
    ended: list[str] = []

    def post() -> None:
        try:
            client.post(request(forge.url))
        except Unreachable as error:
            ended.append(str(error))

    thread = threading.Thread(target=post)
    thread.start()
    forge.until(2)
    client.hang_up()
    thread.join(5)
    assert not thread.is_alive()
    assert ended
    assert len(forge.heard) == 2


def test_a_redirect_is_an_answer(forge):
    forge.answers.append((307, {"Location": f"{forge.url}/elsewhere"}))
    with Client(forge.url) as client:
        assert client.post(request(f"{forge.url}/a", secret_headers={"Authorization": "token t"})).code == 307
    assert len(forge.heard) == 1


@pytest.mark.parametrize("said", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500, b""])
def test_what_speaks_no_http_is_unreachable(said):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        with Client(f"http://127.0.0.1:{server.getsockname()[1]}") as client, pytest.raises(Unreachable):
            client.post(request("http://127.0.0.1/"))
        thread.join()


def test_a_port_where_nobody_listens_and_a_host_that_is_none_are_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for place in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid"):
        with Client(place) as client, pytest.raises(Unreachable):
            client.post(request(place))
