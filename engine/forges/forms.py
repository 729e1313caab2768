"""Form encoding, the other way that forges send: the JSON text as one percent-encoded field, `payload`."""

import binascii
import re

from engine.forges.errors import malformed
from engine.forges.headers import Headers

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 16
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


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
    return _unquoted(fields[0])


def _unquoted(value: bytes) -> bytes:
    """Undo percent-encoding in one go: anybody may send 25 MiB of it before the signature is known.

    urllib takes a list of all pieces for that, gigabytes of it. Quoted-printable is the same code with another mark,
    and its decoder is written in C; it reads nothing else as special once every mark stands before two digits.
    """
    if _BROKEN_ESCAPE.search(value):
        raise malformed("the form's percent-encoding is broken")
    return binascii.a2b_qp(value.replace(b"+", b" ").replace(b"=", b"%3D").replace(b"%", b"="))
