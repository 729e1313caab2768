"""Who gets in: the address with the token, from this server's own page, by this server's own name."""

import aiohttp
import pytest

from app.web.guard import Guard
from tests.app.web.site import child, on_site, site_of

pytest.importorskip("textual_serve")


def test_without_the_cookie_nothing_is_answered():
    async def deed(site):
        for path in ("/", "/static/textual.js", "/download/x", "/nothing"):
            async with site.client.get(site.base + path) as answer:
                assert answer.status == 401
                assert "treadle web" in await answer.text()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await site.socket()
        assert refused.value.status == 401
        assert site.server.sessions == set()

    on_site(deed)


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use():
    async def deed(site):
        async with site.client.get(site.guard.url, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert site.guard.url.partition("token=")[2] not in cookie
        async with site.client.get(site.base + "/") as answer:
            assert answer.status == 200

    on_site(deed)


@pytest.mark.parametrize("token", ["", "x", "é" * 43])
def test_a_wrong_token_gives_no_cookie(token):
    async def deed(site):
        async with site.client.get(site.base + "/", params={"token": token}, allow_redirects=False) as answer:
            assert answer.status == 401
            assert "Set-Cookie" not in answer.headers

    on_site(deed)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"])
def test_a_page_of_another_origin_gets_no_session_even_with_the_cookie(origin):
    async def deed(site):
        await site.enter()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await site.socket(headers={"Origin": origin})
        assert refused.value.status == 403
        async with site.client.get(site.base + "/", headers={"Origin": origin}) as answer:
            assert answer.status == 403
        assert site.server.sessions == set()

    on_site(deed)


def test_a_websocket_without_an_origin_gets_no_session():
    async def deed(site):
        await site.enter()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await site.client.ws_connect(f"{site.base}/ws")
        assert refused.value.status == 403

    on_site(deed)


def test_a_name_that_an_attacker_points_here_is_refused():
    async def deed(site):
        async with site.client.get(site.guard.url, headers={"Host": "evil.example"}, allow_redirects=False) as answer:
            assert answer.status == 421
        async with site.client.get(site.guard.url.replace("127.0.0.1", "localhost")) as answer:
            assert answer.status == 200

    on_site(deed)


def test_behind_a_proxy_only_its_name_counts_and_the_cookie_needs_tls():
    async def deed(site):
        here = f"http://127.0.0.1:{site.guard.port}/?" + site.guard.url.partition("?")[2]
        async with site.client.get(here, allow_redirects=False) as answer:
            assert answer.status == 421
        async with site.client.get(here, headers={"Host": "ci.example"}, allow_redirects=False) as answer:
            assert answer.status == 303
            assert "Secure" in answer.headers["Set-Cookie"]

    on_site(deed, public_url="https://ci.example")


def test_every_server_has_its_own_token():
    one, other = Guard("127.0.0.1", 1), Guard("127.0.0.1", 1)
    assert one.url != other.url
    assert one.url.startswith("http://127.0.0.1:1/?token=")
    assert Guard("::1", 80).base == "http://[::1]"


def test_a_cookie_of_another_server_opens_nothing():
    async def deed(site):
        await site.enter()
        async with site_of(child()) as other, site.client.get(other.base + "/") as answer:
            assert answer.status == 401

    on_site(deed)
