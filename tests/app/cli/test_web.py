"""`treadle web`: what it refuses, and the whole way from the address it prints to the UI's first frame."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from app.cli.main import main
from app.cli.web import is_loopback, public_of
from engine.core.errors import SettingsError

pytest.importorskip("textual_serve")
ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--listen", "0.0.0.0:1"], "--public-url"),
        (["--listen", "[::]:1"], "unencrypted"),
        (["--listen", "192.168.1.2:1"], "--public-url"),
        (["--listen", "8485"], "an address and a port"),
        (["--listen", "127.0.0.1:99999"], "an address and a port"),
        (["--public-url", "http://ci.example"], "https"),
        (["--public-url", "https://ci.example/treadle"], "nothing after it"),
    ],
)
def test_what_would_be_unsafe_or_senseless_is_refused_as_wrong_usage(line, said, tmp_path, capsys):
    assert main(["web", "--home", str(tmp_path / "home"), *line]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_reading_alone_and_acting_exclude_each_other(capsys):
    with pytest.raises(SystemExit) as end:
        main(["web", "--read-only", "--writable"])
    assert end.value.code == 2


def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    assert main(["web", "--home", str(tmp_path / "home")]) == 1
    assert "pip install 'treadle[web]'" in capsys.readouterr().err


def test_a_public_address_is_an_origin():
    assert public_of("https://ci.example/") == "https://ci.example"
    assert public_of("https://ci.example:8443") == "https://ci.example:8443"
    assert public_of(None) is None
    for text in ("ci.example", "https://", "https://me@ci.example", "https://ci.example?x", "https://ci.example:x"):
        with pytest.raises(SettingsError):
            public_of(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_what_nobody_else_reaches(host):
    assert is_loopback(host)
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("localhost.evil.example")


def test_the_address_that_is_printed_leads_to_the_ui_and_sigterm_ends_it_all(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "treadle.yml").write_text("listen: 127.0.0.1:0\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SITE_TOKEN": "hush"}
    line = [sys.executable, "-m", "app.cli.main", "web", "--home", str(home), "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        drawn = asyncio.run(first_frame(url))
        assert b"Runs" in drawn
        assert b"read only" in drawn
        server.send_signal(signal.SIGTERM)
        rest, _ = server.communicate(timeout=PATIENCE_S)
        assert server.returncode == 0
        assert rest == ""
    finally:
        server.kill()
        server.communicate()


async def first_frame(url: str) -> bytes:
    """Open the address as a browser does and return what is drawn, up to the words of a whole first screen."""
    base, drawn = url.partition("/?")[0], b""
    async with (
        asyncio.timeout(PATIENCE_S),
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client,
        client.get(url) as page,
    ):
        assert page.status == 200
        async with client.ws_connect(f"{base}/ws?width=100&height=30", headers={"Origin": base}) as socket:
            while not (b"Runs" in drawn and b"read only" in drawn):
                message = await socket.receive()
                assert message.type is aiohttp.WSMsgType.BINARY, f"{message} after {drawn!r}"
                drawn += message.data
    return drawn
