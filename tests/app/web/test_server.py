"""The UI in a browser: a session for each tab, never more than may be, none left behind."""

import asyncio
import os
import re
import signal
import subprocess
import sys

import aiohttp
import pytest

from tests.app.web.site import child, on_site, screen_with

pytest.importorskip("textual_serve")


def pid_in(screen: str) -> int:
    found = re.search(r"pid=(\d+)\.", screen)
    assert found
    return int(found[1])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(site) -> None:
    """Return when the server has no session any more. The site's own deadline ends a wait in vain."""
    while site.server.sessions:
        await asyncio.sleep(0.02)


def test_a_tab_gets_the_first_frame_and_its_keys_arrive():
    async def deed(site):
        await site.enter()
        async with site.socket() as socket:
            assert is_alive(pid_in(await screen_with(socket, ".")))
            await socket.send_json(["stdin", "ab"])
            await screen_with(socket, "typed=ab.")
            await socket.send_json(["ping", "7"])
            while (message := await socket.receive()).type is not aiohttp.WSMsgType.TEXT:
                pass
            assert message.json() == ["pong", "7"]

    on_site(deed)


def test_the_ui_learns_the_size_of_the_tab_within_reason():
    async def deed(site):
        await site.enter()
        async with site.socket() as socket:
            await screen_with(socket, "size=60x12.")
            await socket.send_json(["resize", {"width": 70, "height": 20}])
            await screen_with(socket, "size=70x20.")
            await socket.send_json(["resize", {"width": 10**9, "height": 10**9}])
            await screen_with(socket, "size=500x300.")

    on_site(deed)


def test_a_closed_tab_ends_its_process():
    async def deed(site):
        await site.enter()
        async with site.socket() as socket:
            pid = pid_in(await screen_with(socket, "."))
        await gone(site)
        assert not is_alive(pid)

    on_site(deed)


def test_leaving_the_ui_closes_the_tab_s_socket():
    async def deed(site):
        await site.enter()
        async with site.socket() as socket:
            await screen_with(socket, ".")
            await socket.send_json(["stdin", "q"])
            while (await socket.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
            assert socket.closed
        await gone(site)

    on_site(deed)


def test_a_ui_that_does_not_leave_is_made_to():
    async def deed(site):
        await site.enter()
        async with site.socket() as socket:
            pid = pid_in(await screen_with(socket, "."))
        await gone(site)
        assert not is_alive(pid)

    on_site(deed, child("stubborn"))


def test_the_end_of_the_server_ends_all_sessions():
    pids: list[int] = []

    async def deed(site):
        await site.enter()
        sockets = [await site.socket(), await site.socket()]
        pids.extend([pid_in(await screen_with(socket, ".")) for socket in sockets])

    on_site(deed)
    assert len(pids) == 2
    assert not any(is_alive(pid) for pid in pids)


def test_there_are_never_more_sessions_than_the_cap():
    async def deed(site):
        await site.enter()
        async with site.socket() as one, site.socket():
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await site.socket()
            assert refused.value.status == 503
            assert refused.value.headers["Retry-After"]
            await screen_with(one, ".")
        await gone(site)
        async with site.socket() as again:
            await screen_with(again, ".")

    on_site(deed, cap=2)


def test_the_ui_gets_no_more_of_the_environment_than_it_needs(monkeypatch):
    monkeypatch.setenv("SITE_TOKEN", "hush")

    async def deed(site):
        await site.enter()
        async with site.socket() as socket:
            await screen_with(socket, "size=")
            await socket.send_json(["stdin", "e"])
            screen = await screen_with(socket, "env=")
            assert "SITE_TOKEN" not in screen

    on_site(deed)


def test_a_ui_that_does_not_start_says_why_harmlessly():
    async def deed(site):
        await site.enter()
        async with site.socket() as socket:
            screen = await screen_with(socket, "here")
            assert "did not start" in screen
            assert "no such  here" in screen or "no such here" in screen
            assert "\x1b" not in screen
            assert "\x07" not in screen

    on_site(deed, child("broken"))


@pytest.mark.parametrize(
    "text", ["no json", "[]", "{}", '["shell", "ls"]', '["stdin", 1]', '["resize", {"width": "x"}]']
)
def test_who_does_not_keep_to_the_protocol_is_shown_out(text):
    async def deed(site):
        await site.enter()
        async with site.socket() as socket:
            await socket.send_str(text)
            while (await socket.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
            assert socket.close_code == aiohttp.WSCloseCode.PROTOCOL_ERROR
        await gone(site)

    on_site(deed)


def test_the_page_fetches_nothing_from_elsewhere_and_no_page_may_frame_it():
    async def deed(site):
        await site.enter()
        async with site.client.get(site.base + "/?fontsize=20") as answer:
            page, headers = await answer.text(), answer.headers
        assert f'data-session-websocket-url="{site.base.replace("http", "ws")}/ws"' in page
        assert 'data-font-size="20"' in page
        links = re.findall(r'(?:src|href)="([^"]*)"', page)
        assert [link for link in links if not link.startswith(("/", "data:"))] == []
        for link in links:
            if link.startswith("/static"):
                async with site.client.get(site.base + link) as answer:
                    assert answer.status == 200
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"

    on_site(deed)


@pytest.mark.parametrize(
    "path", ["/static/", "/static/../page.html", "/static/%2e%2e%2fserver.py", "/static/launch.py"]
)
def test_there_is_no_folder_to_look_into(path):
    async def deed(site):
        await site.enter()
        async with site.client.get(site.base + path) as answer:
            assert answer.status == 404

    on_site(deed)


@pytest.mark.parametrize("size", ["x", "0", "999999999999", '"><b>', "٣"])
def test_a_font_size_is_a_number_in_reason(size):
    async def deed(site):
        await site.enter()
        async with site.client.get(site.base + "/", params={"fontsize": size}) as answer:
            assert 'data-font-size="16"' in await answer.text()

    on_site(deed)


def test_a_file_of_the_ui_is_saved_and_never_shown():
    async def deed(site):
        await site.enter()
        async with site.socket() as socket:
            await screen_with(socket, "size=")
            await socket.send_json(["stdin", "d"])
            while (message := await socket.receive()).type is not aiohttp.WSMsgType.TEXT:
                pass
            kind, key = message.json()
            assert kind == "deliver_file_start"
            reading = asyncio.create_task(drained(socket))
            async with site.client.get(f"{site.base}/download/{key}") as answer:
                assert await answer.read() == b"<script>1</script>"
                assert answer.headers["Content-Type"] == "application/octet-stream"
                assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20b.html"
            reading.cancel()
            async with site.client.get(f"{site.base}/download/unknown") as answer:
                assert answer.status == 404

    on_site(deed)


async def drained(socket: aiohttp.ClientWebSocketResponse) -> None:
    while (await socket.receive()).type is aiohttp.WSMsgType.BINARY:
        pass


def test_a_session_dies_with_a_server_that_is_killed():
    """Nobody is left to end it then: the system does."""
    line = child().command(0)
    program = (
        "import os, subprocess, sys; line = sys.argv[1:]; line[4] = str(os.getpid());"
        "subprocess.Popen(line, stdin=subprocess.PIPE, stdout=sys.stdout, env={'TEXTUAL_DRIVER':"
        " 'textual.drivers.web_driver:WebDriver'}); sys.stdin.read()"
    )
    server = subprocess.Popen([sys.executable, "-c", program, *line], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdin is not None
    assert server.stdout.readline() == b"__GANGLION__\n"
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.read()  # ends when the last writer has gone
    server.stdout.close()
    server.stdin.close()
