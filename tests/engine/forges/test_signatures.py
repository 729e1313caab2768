"""The laws of signatures: one header counts for each forge, and nothing else opens the door."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.forges.headers import Headers
from engine.forges.signatures import Verdict, forge_of, has_old_signature, verify
from tests.engine.forges.deliveries import PREFIX, headers, hex_of

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
BODY = b'{"u":"\xc3\xa9"}'
FAMILY = ("gitea", "forgejo", "gogs")


def check(forge: str, secret: str | None = "s", body: bytes = BODY, **more: str) -> Verdict:
    """Judge `body` with the headers `more` (their dashes may be written `_`)."""
    return verify(forge, Headers({name.replace("_", "-"): value for name, value in more.items()}), body, secret, NOW)


def test_the_vector_of_githubs_documentation_is_valid() -> None:
    value = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    told = {"X_Hub_Signature_256": value}
    assert check("github", "It's a Secret to Everybody", b"Hello, World!", **told) is Verdict.VALID


@pytest.mark.parametrize("forge", FAMILY)
def test_the_gitea_family_signs_in_bare_hex(forge: str) -> None:
    name = f"{PREFIX[forge]}-Signature"
    assert check(forge, **{name: hex_of(BODY)}) is Verdict.VALID
    assert check(forge, **{name: f"sha256={hex_of(BODY)}"}) is Verdict.INVALID
    assert check(forge, **{name: hex_of(BODY).upper()}) is Verdict.INVALID


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("", Verdict.MISSING),
        ("sha256=", Verdict.INVALID),
        (hex_of(BODY), Verdict.INVALID),
        (f"sha256={hex_of(BODY)[:-1]}", Verdict.INVALID),
        (f"sha256={hex_of(BODY)}0", Verdict.INVALID),
        (f"sha256={hex_of(BODY)},sha256=00", Verdict.INVALID),
        (f"sha256={hex_of(BODY, 'other')}", Verdict.INVALID),
        (f"sha256={hex_of(BODY + b' ')}", Verdict.INVALID),
        ("sha256=" + "é" * 64, Verdict.INVALID),
        ("sha256=" + "\udcff\ud800" * 32, Verdict.INVALID),
    ],
)
def test_a_signature_is_right_to_the_letter_or_wrong(value: str, verdict: Verdict) -> None:
    assert check("github", X_Hub_Signature_256=value) is verdict


def test_the_old_sha1_header_alone_is_no_signature() -> None:
    old = {"X-Hub-Signature": f"sha1={hex_of(BODY, algorithm='sha1')}"}
    assert check("github", **old) is Verdict.MISSING
    assert has_old_signature(Headers(old), BODY, "s")
    assert not has_old_signature(Headers(old), BODY, "t")


def test_another_forges_header_does_not_make_up_for_a_wrong_one() -> None:
    right, wrong = hex_of(BODY), "sha256=" + "0" * 64
    assert check("github", X_Hub_Signature_256=wrong, X_Gitea_Signature=right) is Verdict.INVALID
    assert check("gitea", X_Gogs_Signature=right, X_Hub_Signature_256=f"sha256={right}") is Verdict.MISSING
    assert check("github", X_Gitlab_Token="s") is Verdict.MISSING


def test_a_signature_that_stands_twice_is_invalid() -> None:
    twice = Headers([("x-hub-signature-256", f"sha256={hex_of(BODY)}")] * 2)
    assert verify("github", twice, BODY, "s", NOW) is Verdict.INVALID


@pytest.mark.parametrize("secret", [None, ""])
@pytest.mark.parametrize("forge", PREFIX)
def test_without_a_secret_nothing_is_checked(forge: str, secret: str | None) -> None:
    assert check(forge, secret) is Verdict.UNCHECKED


def test_a_form_is_signed_as_it_came_by_github_and_by_its_json_text_by_gitea() -> None:
    form = f"payload={quote_plus(BODY)}".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert check("github", body=form, X_Hub_Signature_256=f"sha256={hex_of(form)}", **kind) is Verdict.VALID
    assert check("github", body=form, X_Hub_Signature_256=f"sha256={hex_of(BODY)}", **kind) is Verdict.INVALID
    assert check("gitea", body=form, X_Gitea_Signature=hex_of(BODY), **kind) is Verdict.VALID
    assert check("gitea", body=form, X_Gitea_Signature=hex_of(form), **kind) is Verdict.INVALID
    assert check("gitea", body=b"x=1", X_Gitea_Signature=hex_of(b""), **kind) is Verdict.INVALID


@pytest.mark.parametrize(("token", "verdict"), [("sécret", "valid"), ("sécre", "invalid"), ("SÉCRET", "invalid")])
def test_gitlabs_token_is_the_secret_itself(token: str, verdict: str) -> None:
    assert check("gitlab", "sécret", X_Gitlab_Token=token) == verdict
    assert check("gitlab", "sécret") is Verdict.MISSING


def signed(sent: datetime, ident: str = "msg_1", key: bytes = b"k" * 24) -> dict[str, str]:
    stamp = str(int(sent.timestamp()))
    digest = hmac.new(key, f"{ident}.{stamp}.".encode() + BODY, hashlib.sha256).digest()
    value = f"v1,AAAA v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": ident, "webhook-timestamp": stamp, "webhook-signature": value}


def test_a_signing_token_asks_for_a_fresh_standard_signature() -> None:
    secret = "whsec_" + base64.b64encode(b"k" * 24).decode()
    good = signed(NOW - timedelta(minutes=4))
    assert check("gitlab", secret, **good) is Verdict.VALID
    assert check("gitlab", secret, **good | {"webhook-id": "msg_2"}) is Verdict.INVALID
    assert check("gitlab", secret, **good | {"webhook-timestamp": "yesterday"}) is Verdict.INVALID
    assert check("gitlab", secret, **signed(NOW - timedelta(minutes=6))) is Verdict.INVALID
    assert check("gitlab", secret, **signed(NOW + timedelta(minutes=6))) is Verdict.INVALID
    assert check("gitlab", secret, X_Gitlab_Token=secret) is Verdict.MISSING
    assert check("gitlab", "whsec_!", **good) is Verdict.INVALID


@pytest.mark.parametrize("forge", PREFIX)
def test_a_forge_is_told_by_its_own_header_though_it_sends_others_too(forge: str) -> None:
    also = {"forgejo": ("gitea", "gogs", "github"), "gitea": ("gogs", "github"), "gogs": ("github",)}.get(forge, ())
    assert forge_of(Headers({f"{PREFIX[other]}-Event": "push" for other in also} | headers(forge))) == forge
    assert forge_of(Headers({"Content-Type": "application/json"})) is None


@given(st.sampled_from(list(PREFIX)), st.text(max_size=80), st.binary(max_size=80), st.text(min_size=1, max_size=40))
def test_no_value_of_any_header_raises_or_guesses_a_signature(forge: str, value: str, body: bytes, key: str) -> None:
    names = ("X-Hub-Signature-256", "X-Gitea-Signature", "X-Forgejo-Signature", "X-Gogs-Signature", "webhook-id")
    told = Headers(dict.fromkeys((*names, "webhook-timestamp", "webhook-signature"), value))
    assert verify(forge, told, body, key, NOW) in (Verdict.INVALID, Verdict.MISSING)
