"""Form encoding, the other way that forges send: the JSON text as one percent-encoded field, `payload`."""

from urllib.parse import unquote_to_bytes

from engine.forges.errors import malformed
from engine.forges.headers import Headers

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 16


def media_type(headers: Headers) -> str:
    """Return the content type without its parameters, in lower case; empty when there is none."""
    return (headers.one("Content-Type") or "").partition(";")[0].strip().lower()


def is_form(headers: Headers) -> bool:
    return media_type(headers) == FORM


def form_payload(body: bytes) -> bytes:
    """Return the JSON text inside `payload=…`. Raises DeliveryError when it is not there exactly once."""
    if body.count(b"&") >= MAX_FIELDS:
        raise malformed("the form has too many fields")
    fields = [value for name, _, value in (one.partition(b"=") for one in body.split(b"&")) if name == b"payload"]
    if len(fields) != 1:
        raise malformed("the form needs one field named payload")
    return unquote_to_bytes(fields[0].replace(b"+", b" "))
