"""Tokens of the API: shown once, found by their text alone, worthless once revoked."""

from engine.store.tokens import PREFIX
from tests.engine.fakes import Lab


def test_a_token_is_found_by_its_text_until_it_is_revoked(lab: Lab) -> None:
    token, text = lab.store.tokens.create("phone", "write", lab.clock.now())
    assert text.startswith(PREFIX)
    found = lab.store.tokens.find(text)
    assert found == token and found.allows("read") and not found.allows("admin")
    assert lab.store.tokens.revoke(token.id) and lab.store.tokens.find(text) is None


def test_bytes_that_are_no_text_are_nobodys_token(lab: Lab) -> None:
    assert lab.store.tokens.find(b"tdl_\xff".decode(errors="surrogateescape")) is None
