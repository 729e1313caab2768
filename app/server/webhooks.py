"""Deliveries of forges: checked, kept on disk, acknowledged. Nothing is planned, fetched or run here."""

import asyncio
import hashlib
import ipaddress

from aiohttp import web

from app.server.answers import Refusal, answer
from app.server.desk import Call
from app.server.limits import Bodies
from app.server.route import PUBLIC, Route
from engine.forges.delivery import Envelope, read_delivery, read_envelope
from engine.forges.event import ForgeEvent
from engine.forges.headers import Headers
from engine.forges.signatures import Verdict, has_old_signature, verify
from engine.settings.model import RepoSettings
from engine.store.inbox import Arrival

BODIES = web.AppKey("bodies", Bodies)
INLINE_BYTES = 64 * 1024  # a larger body is read off the event loop
WRONG = {
    Verdict.INVALID: "The signature is wrong: the secret here and the secret at the forge differ.",
    Verdict.MISSING: "The delivery is not signed, and this repository has a secret.",
}


async def deliver(call: Call) -> web.StreamResponse:
    """Take a delivery. 202: it is on disk. 200: it was there already, or it is a ping."""
    repo = call.desk.repo(call.request.match_info["repo"])
    if repo is None or repo.forge == "none":
        raise Refusal(404, "No repository of this name takes deliveries here.")
    headers = Headers(call.request.headers)
    envelope = read_envelope(headers, repo.forge)
    bodies = call.request.app[BODIES]
    body = await bodies.read(call.request, call.desk.settings.limits.body_bytes)
    try:
        if len(body) <= INLINE_BYTES:
            arrival = _read(call, repo, envelope, headers, body)
        else:
            arrival = await call.desk.ask(_read, call, repo, envelope, headers, body)
        if arrival is None:
            return answer({"event": None, "ping": "heard"})
        accepted = await asyncio.wrap_future(call.desk.acceptor.submit(arrival))
    finally:
        bodies.give_back(body)
    call.desk.counters["treadle_deliveries_total", f'answer="{"new" if accepted.new else "known"}"'] += 1
    return answer({"event": accepted.event_id}, 202 if accepted.new else 200)


def _read(call: Call, repo: RepoSettings, envelope: Envelope, headers: Headers, body: bytes) -> Arrival | None:
    """Return what to keep of a delivery, None for a ping. Raises DeliveryError, or Refusal for its signature."""
    verdict = verify(envelope.forge, headers, body, repo.secret, call.desk.clock.now())
    if verdict in WRONG:
        old = envelope.forge == "github" and repo.secret and has_old_signature(headers, body, repo.secret)
        raise Refusal(401, "The delivery bears only the old SHA-1 signature." if old else WRONG[verdict])
    if verdict is Verdict.UNCHECKED and not from_this_machine(call.request.remote):
        raise Refusal(401, "This repository has no secret here: its deliveries are taken from this machine alone.")
    event = read_delivery(headers, body, repo.forge)
    if event.is_ping:
        return None
    return Arrival(
        repo_id=call.desk.repo_ids[repo.name],
        delivery=event.delivery_id,
        kind=_kind(event),
        source=event.forge,
        fields={"event": event.to_json(), "signature": str(verdict)},
        digest=hashlib.sha256(body).hexdigest(),
    )


def from_this_machine(remote: str | None) -> bool:
    """Whether a peer's address, None for the home's own socket, is this machine's. A proxy here speaks for anybody."""
    if not remote:
        return True
    address = ipaddress.ip_address(remote.partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _kind(event: ForgeEvent) -> str:
    return event.name or event.event


ROUTES = (
    Route(
        "POST", "/hooks/{repo:.+}", deliver, "take a delivery of a forge", PUBLIC,
        answers={
            200: "known already, or a ping", 202: "on disk; survives a power cut", 400: "malformed",
            401: "the signature is wrong or missing", 404: "no such repository", 413: "too large",
            415: "neither JSON nor a form", 429: "too many events wait to be planned; see Retry-After",
        },
    ),
)  # fmt: skip
