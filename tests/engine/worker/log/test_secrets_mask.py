import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.worker.log import secrets_mask
from engine.worker.log.secrets_mask import Mask, _forms

TOKEN = "s3cr3t-value"
PEM = (
    "-----BEGIN KEY-----\n"
    + "\n".join("MIIEvgIBADANBgkqhkiG9w0BAQ" + str(n) * 20 for n in range(9))
    + "\n-----END KEY-----"
)


def whole(values: list[str], text: bytes) -> bytes:
    """Mask by definition: whatever any form covers, in runs."""
    covered = bytearray(len(text))
    for value in values:
        for form in set(_forms(value.strip())) if value.strip() else ():
            at = text.find(form)
            while at >= 0:
                covered[at : at + len(form)] = b"\1" * len(form)
                at = text.find(form, at + 1)
    out = b""
    for at, byte in enumerate(text):
        if not covered[at]:
            out += bytes([byte])
        elif at == 0 or not covered[at - 1]:
            out += b"***"
    return out


@pytest.mark.parametrize(
    ("values", "text", "shown"),
    [
        ([TOKEN], "prefixs3cr3t-valuesuffix", "prefix***suffix"),
        ([TOKEN], "S3CR3T-VALUE", "S3CR3T-VALUE"),
        (["abcd1234", "abcd1234ef"], "x abcd1234ef y", "x *** y"),
        (["abcd1234", "1234efgh"], "x abcd1234efgh y", "x *** y"),
        ([TOKEN], TOKEN + TOKEN, "***"),
        ([TOKEN], f"{TOKEN} {TOKEN}", "*** ***"),
        (["line1-secret\nline2-secret"], "log line2-secret here", "log *** here"),
        (["aaa"], "aaaaaaa", "***"),
        ([], "plain", "plain"),
        (["", " \n\t"], "nothing is hidden", "nothing is hidden"),
        (["a"], "banana", "b***n***n***"),
        (["  padded-token\n"], "padded-token", "***"),
        (["{\n  'k': 'inner-value'\n}"], "{ 'k': 'inner-value' }", "{ *** }"),
    ],
)
def test_what_a_secret_covers_becomes_three_stars(values: list[str], text: str, shown: str) -> None:
    assert Mask(values).text(text) == shown


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "user:x"])
@pytest.mark.parametrize("after", ["", "@", "@h"])
def test_base64_of_text_around_a_secret_is_hidden_at_every_alignment(before: str, after: str) -> None:
    code = base64.b64encode(f"{before}{TOKEN}{after}".encode()).decode()
    shown = Mask([TOKEN]).text(code)
    start, end = len(before), len(before) + len(TOKEN)
    assert "***" in shown
    for at in range(0, len(code) - 8, 4):
        if at * 3 // 4 >= start and (at + 8) * 3 // 4 <= end:
            assert code[at : at + 8] not in shown


@pytest.mark.parametrize(
    "form",
    [
        quote("p@ss/w+rd&= 'x'\"\\é", safe=""),
        json.dumps("p@ss/w+rd&= 'x'\"\\é")[1:-1],
        json.dumps("p@ss/w+rd&= 'x'\"\\é", ensure_ascii=False)[1:-1],
        "p@ss/w+rd&amp;= 'x'\"\\é",
        "p@ss/w+rd&= '\\''x'\\''\"\\é",
        base64.b64encode("p@ss/w+rd&= 'x'\"\\é".encode()).decode(),
        base64.urlsafe_b64encode("p@ss/w+rd&= 'x'\"\\é".encode()).decode(),
    ],
)
def test_an_encoded_secret_is_hidden_whole(form: str) -> None:
    assert Mask(["p@ss/w+rd&= 'x'\"\\é"]).text(f"<{form}>") == "<***>"


def test_base64_wrapped_as_the_tools_wrap_it_is_hidden() -> None:
    for width in (64, 76):
        code = base64.b64encode(PEM.encode() + b"\n").decode()
        wrapped = "\n".join(code[at : at + width] for at in range(0, len(code), width))
        assert len(Mask([PEM]).text(wrapped)) < 12


def test_every_line_of_a_key_is_hidden_and_line_breaks_stay() -> None:
    assert Mask([PEM]).text(PEM) == "\n".join(["***"] * len(PEM.splitlines()))


def test_an_empty_value_is_refused_and_told() -> None:
    mask = Mask([TOKEN])
    assert not mask.refused
    assert not mask.add("  ")
    assert mask.refused
    assert mask.add("other-value")
    assert mask.text("other-value") == "***"


def test_nothing_is_held_without_a_reason() -> None:
    stream = Mask([TOKEN]).stream()
    assert stream.feed(b"Password: ") == b"Password: "
    assert stream.held == 0
    assert stream.feed(b"is s3cr") == b"is "
    assert stream.held == 4
    assert stream.feed(b"ew") == b"s3crew"
    assert stream.held == 0


def test_bytes_that_are_no_text_pass_unchanged() -> None:
    stream = Mask([TOKEN]).stream()
    assert stream.feed(b"\xff\x00" + TOKEN.encode() + b"\xfe") + stream.flush() == b"\xff\x00***\xfe"


few = st.text("ab\n", min_size=1, max_size=6)
pieces = st.lists(st.text("ab\n", max_size=7), max_size=12)


@given(st.lists(few, max_size=4), pieces)
def test_any_cutting_shows_what_masking_at_once_shows(values: list[str], chunks: list[str]) -> None:
    mask = Mask(values)
    stream = mask.stream()
    longest = max((len(form) for value in values if value.strip() for form in _forms(value.strip())), default=1)
    shown = b""
    for chunk in chunks:
        shown += stream.feed(chunk.encode())
        assert stream.held < longest
    shown += stream.flush()
    assert shown == whole(values, "".join(chunks).encode())
    for value in values:
        assert not value.strip() or value.strip().encode() not in shown


@given(st.lists(few, max_size=4), pieces, st.integers(0, 12))
def test_another_process_can_take_up_a_stream(values: list[str], chunks: list[str], when: int) -> None:
    stream = Mask(values).stream()
    shown, rest = b"", b""
    for chunk in chunks[:when]:
        rest = (rest + chunk.encode())[-(stream.held + len(chunk)) :] if chunk else rest
        shown += stream.feed(chunk.encode())
        rest = rest[len(rest) - stream.held :]
    successor = Mask(values).stream(stream.open, stream.covered)
    shown += successor.feed(rest + "".join(chunks[when:]).encode()) + successor.flush()
    assert shown == whole(values, "".join(chunks).encode())


def test_many_values_in_a_row_are_put_in_order_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ordered: list[int] = []
    made = secrets_mask._index
    monkeypatch.setattr(secrets_mask, "_index", lambda forms: ordered.append(len(forms)) or made(forms))
    mask = Mask()
    for number in range(500):
        mask.add(f"value-{number}-")
    assert mask.text("value-7-value-499-") == "***"
    assert mask.text("value-500-") == "value-500-"
    assert len(ordered) == 1
