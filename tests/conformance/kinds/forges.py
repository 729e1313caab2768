"""Deliveries: the kinds `signature` and `delivery`."""

import base64
from datetime import UTC, datetime
from typing import Any

from engine.forges.delivery import read_delivery
from engine.forges.event import ForgeEvent
from engine.forges.headers import Headers
from engine.forges.signatures import Verdict, has_old_signature, verify


def signature(case: dict[str, Any]) -> dict[str, Any]:
    """Is this value of this header right? GitHub's old SHA-1 header can be, though alone it opens nothing."""
    more = case.get("headers") or {}
    content_type = case.get("content_type") or "application/json"
    headers = Headers({case["header"]: case["value"], "Content-Type": content_type, **more})
    body, secret = case["body"].encode(), case["secret"]
    if case["header"].lower() == "x-hub-signature":
        return {"valid": has_old_signature(headers, body, secret)}
    sent = datetime.fromtimestamp(int(more.get("webhook-timestamp", 0)), UTC)
    return {"valid": verify(case["forge"], headers, body, secret, sent) is Verdict.VALID}


def delivery(case: dict[str, Any]) -> dict[str, Any]:
    """The facts of a delivery whose signature is right; a key is missing when the payload does not say."""
    headers, body = Headers(case["headers"]), base64.b64decode(case["body_base64"])
    event = read_delivery(headers, body)
    if verify(event.forge, headers, body, case["secret"], datetime.now(UTC)) is not Verdict.VALID:
        return {"error": "signature"}
    return event.facts() | _beside_the_facts(event)


def _beside_the_facts(event: ForgeEvent) -> dict[str, Any]:
    """What the corpus tells beside the facts: names of the payload's own."""
    payload = event.payload
    told: dict[str, Any] = {"actions_event": None if event.deleted and event.name == "push" else event.name}
    told |= {key: payload[key] for key in ("hook_id", "object_kind") if key in payload}
    told["zen"] = bool(payload.get("zen"))
    return told
