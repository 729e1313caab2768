"""A delivery read: first what its headers say, then, once its signature is known to be right, its body."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.forges import gitea, github, gitlab
from engine.forges.errors import DeliveryError, malformed
from engine.forges.event import ForgeEvent
from engine.forges.forms import FORM, form_payload, media_type
from engine.forges.headers import Headers
from engine.forges.payload import read_json
from engine.forges.signatures import forge_of
from pipelines.records import dataclass

_SHAPES = {
    "github": github.shape,
    "gitea": gitea.shape,
    "forgejo": gitea.shape,
    "gogs": gitea.shape,
    "gitlab": gitlab.shape,
}
_PREFIXES = {"github": "X-GitHub", "gitea": "X-Gitea", "forgejo": "X-Forgejo", "gogs": "X-Gogs", "gitlab": "X-Gitlab"}
_GITLAB_IDS = ("Idempotency-Key", "X-Gitlab-Event-UUID", "webhook-id")  # the first stays the same over its retries
_EVENT_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_ ]{0,99}")
_DELIVERY_ID = re.compile(r"[!-~]{1,200}")
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers say. `delivery_id` is None when the forge gives none; `form`: the JSON is in a form field."""

    forge: str
    event: str
    delivery_id: str | None
    form: bool


def read_envelope(headers: Headers, forge: str = "auto") -> Envelope:
    """Return what the headers say, so that a delivery can be refused before its body is read.

    `forge` binds the endpoint to one forge. Raises DeliveryError: 400 for headers that are missing or malformed, 415
    for a content type or encoding that no forge sends.
    """
    found = forge_of(headers) if forge == "auto" else forge
    if found not in _SHAPES:
        raise malformed("no header says which forge this is from")
    prefix = _PREFIXES[found]
    event = headers.one(f"{prefix}-Event")
    if event is None:
        raise malformed(f"the header {prefix}-Event is missing")
    if found in ("gitea", "forgejo") and event == "issue_comment":
        event = headers.one(f"{prefix}-Event-Type") or event  # tells comments on pull requests from those on issues
    if not _EVENT_WORD.fullmatch(event):
        raise malformed(f"the header {prefix}-Event names no event")
    return Envelope(found, event, _delivery_id(headers, found), _is_form(headers))


def read_delivery(headers: Headers, body: bytes, forge: str = "auto") -> ForgeEvent:
    """Return the event that a delivery tells of, for any bytes, or raise DeliveryError.

    It does not check the signature (signatures.verify does, before). Without a delivery id the digest of what was
    sent stands in for it, so that the same words twice are one event.
    """
    envelope = read_envelope(headers, forge)
    tree = read_json(form_payload(body) if envelope.form else body)
    if envelope.delivery_id is None:
        digest = hashlib.sha256(envelope.event.encode() + b"\0" + body).hexdigest()
        envelope = replace(envelope, delivery_id=f"sha256-{digest}")
    return read_event(envelope, tree)


def kept_event(kept: Mapping[str, Any]) -> ForgeEvent:
    """Return the event that `ForgeEvent.to_json` kept. Raises DeliveryError when this version reads it no more."""
    return read_event(Envelope(kept["forge"], kept["event"], kept["delivery_id"], form=False), kept["payload"])


def read_event(envelope: Envelope, tree: Mapping[str, Any]) -> ForgeEvent:
    """Return the event of a body that is parsed already (by read_json), as when it was kept in the inbox.

    Raises DeliveryError.
    """
    shaped = _SHAPES[envelope.forge](envelope.event, tree)
    event = ForgeEvent(envelope.forge, envelope.event, envelope.delivery_id or "", payload=tree)
    return github.read(event, shaped)


def _delivery_id(headers: Headers, forge: str) -> str | None:
    names = _GITLAB_IDS if forge == "gitlab" else (f"{_PREFIXES[forge]}-Delivery",)
    ident = next((value for name in names if (value := headers.one(name))), None)
    if ident is not None and not _DELIVERY_ID.fullmatch(ident):
        raise malformed("the delivery id is too long or not plain text")
    return ident


def _is_form(headers: Headers) -> bool:
    kind = media_type(headers)
    charset = _CHARSET.search(headers.one("Content-Type") or "")
    if kind not in ("application/json", FORM):
        raise DeliveryError(415, f"a delivery is application/json or {FORM}")
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        raise DeliveryError(415, "a delivery is UTF-8")
    if (headers.one("Content-Encoding") or "identity").lower() != "identity":
        raise DeliveryError(415, "a delivery is not compressed")
    return kind == FORM
