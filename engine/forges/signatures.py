"""Is a delivery from somebody who knows the secret? Checked over the raw body, before it is read, in constant time."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta
from enum import StrEnum

from engine.forges.errors import DeliveryError
from engine.forges.forms import form_payload, is_form
from engine.forges.headers import Headers

TOLERANCE = timedelta(minutes=5)  # how far a signed time may be off
SIGNING_TOKEN = "whsec_"

_HEX_HEADERS = {"gitea": "X-Gitea-Signature", "forgejo": "X-Forgejo-Signature", "gogs": "X-Gogs-Signature"}
_EVENT_HEADERS = {  # in the order of asking: each forge also sends the headers of those below it
    "forgejo": "X-Forgejo-Event",
    "gitea": "X-Gitea-Event",
    "gogs": "X-Gogs-Event",
    "github": "X-GitHub-Event",
    "gitlab": "X-Gitlab-Event",
}


class Verdict(StrEnum):
    """What a signature came to. Only VALID may start anything where a secret is set; UNCHECKED: no secret is set."""

    VALID = "valid"
    INVALID = "invalid"
    MISSING = "missing"
    UNCHECKED = "unchecked"


def forge_of(headers: Headers) -> str | None:
    """Return which forge the headers are of: forgejo, gitea, gogs, github or gitlab."""
    return next((forge for forge, name in _EVENT_HEADERS.items() if headers.every(name)), None)


def verify(forge: str, headers: Headers, body: bytes, secret: str | None, now: datetime) -> Verdict:
    """Return what the one signature that counts for `forge` is worth; no other header makes up for it.

    GitHub: X-Hub-Signature-256, of the body as it came; the old SHA-1 header alone is no signature. Gitea, Forgejo,
    Gogs: bare hex of the JSON text, also inside a form. GitLab: the token itself, or, where the secret is a signing
    token (`whsec_…`), the Standard Webhooks signature with a time near `now`. Hex is compared as it is: lower case,
    GitHub's with its prefix, the others' without.
    """
    if not secret:
        return Verdict.UNCHECKED
    if forge == "gitlab" and secret.startswith(SIGNING_TOKEN):
        return _standard(headers, body, secret, now)
    if forge == "gitlab":
        return _equal(headers, "X-Gitlab-Token", secret)
    if forge == "github":
        return _equal(headers, "X-Hub-Signature-256", f"sha256={_hex(secret, body, 'sha256')}")
    try:
        signed = form_payload(body) if is_form(headers) else body
    except DeliveryError:
        return Verdict.INVALID
    return _equal(headers, _HEX_HEADERS[forge], _hex(secret, signed, "sha256"))


def has_old_signature(headers: Headers, body: bytes, secret: str) -> bool:
    """Is GitHub's X-Hub-Signature (SHA-1) right? Good only for telling a person to ask for the newer one."""
    return _equal(headers, "X-Hub-Signature", f"sha1={_hex(secret, body, 'sha1')}") is Verdict.VALID


def _hex(secret: str, body: bytes, algorithm: str) -> str:
    return hmac.new(_bytes(secret), body, algorithm).hexdigest()


def _equal(headers: Headers, name: str, expected: str) -> Verdict:
    values = headers.every(name)
    if not any(values):
        return Verdict.MISSING
    right = len(values) == 1 and hmac.compare_digest(_bytes(values[0]), _bytes(expected))
    return Verdict.VALID if right else Verdict.INVALID


def _standard(headers: Headers, body: bytes, secret: str, now: datetime) -> Verdict:
    """Check one or more `v1,BASE64` over `id.timestamp.body` (Standard Webhooks)."""
    given = [headers.every(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")]
    if not all(any(values) for values in given):
        return Verdict.MISSING
    if any(len(values) > 1 for values in given):
        return Verdict.INVALID
    (ident,), (sent,), (signatures,) = given
    try:
        key = base64.b64decode(secret.removeprefix(SIGNING_TOKEN) + "==")
        age_s = abs(now.timestamp() - int(sent[:20]))
    except (binascii.Error, ValueError):
        return Verdict.INVALID
    text = b".".join((_bytes(ident), _bytes(sent), body))
    expected = b"v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest())
    right = any(hmac.compare_digest(_bytes(one), expected) for one in signatures.split(" ")[:8])
    return Verdict.VALID if right and age_s <= TOLERANCE.total_seconds() else Verdict.INVALID


def _bytes(text: str) -> bytes:
    """Return the bytes of any text: header values may hold what a server could not decode."""
    return text.encode("utf-8", "surrogatepass")
