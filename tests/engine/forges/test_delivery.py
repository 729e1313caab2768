"""The laws of reading a delivery: any bytes give an event or a refusal, never anything else."""

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.forges.delivery import Envelope, read_delivery, read_envelope, read_event
from engine.forges.errors import DeliveryError
from engine.forges.forms import form_payload
from engine.forges.headers import Headers
from tests.engine.forges.deliveries import PREFIX, gitlab_push, headers, merge_request, pull_request, push, read

BODY = json.dumps(push()).encode()
EVENTS = {
    "github": ("push", "pull_request", "create", "release", "workflow_dispatch", "repository_dispatch", "ping", "star"),
    "gitea": ("push", "pull_request", "delete", "release", "issue_comment"),
    "gitlab": ("Push Hook", "Tag Push Hook", "Merge Request Hook", "Release Hook", "System Hook", "Note Hook"),
}


def refused(told: dict[str, str], body: bytes = BODY, forge: str = "auto") -> int:
    with pytest.raises(DeliveryError) as caught:
        read_delivery(Headers(told), body, forge)
    assert caught.value.message
    return caught.value.status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'"push"',
        b"[]",
        b"{",
        BODY[:-9],
        "\ufeff{}".encode(),
        BODY.decode().encode("utf-16"),
        b'{"a":"\xff"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_bounded_json_object_is_malformed(body: bytes) -> None:
    assert refused(headers(), body) == 400


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"X-GitHub-Event": ""}, 400),
        ({"X-GitHub-Event": "../../push"}, 400),
        ({"X-GitHub-Event": "e" * 101}, 400),
        ({"X-GitHub-Delivery": "d" * 201}, 400),
        ({"X-GitHub-Delivery": "d" * 2000}, 431),
        ({"X-GitHub-Delivery": "a\x00b"}, 400),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "application/json; charset=utf-16"}, 415),
        ({"Content-Encoding": "deflate"}, 415),
    ],
)
def test_headers_that_no_forge_sends_are_refused_before_the_body_is_read(change: dict[str, str], status: int) -> None:
    with pytest.raises(DeliveryError) as caught:
        read_envelope(Headers({**headers(), **change}))
    assert caught.value.status == status


def test_a_header_that_stands_twice_with_two_values_is_refused() -> None:
    told = [*headers().items(), ("x-github-event", "pull_request")]
    with pytest.raises(DeliveryError):
        read_envelope(Headers(told))
    assert read_envelope(Headers([*headers().items(), ("x-github-event", "push")])).event == "push"


def test_an_endpoint_bound_to_a_forge_takes_no_other() -> None:
    assert refused(headers("gitlab", "Push Hook"), forge="github") == 400
    assert refused(headers(), forge="none") == 400
    assert refused({"Content-Type": "application/json"}) == 400


def test_a_charset_of_utf8_is_no_other_content_type() -> None:
    told = headers() | {"Content-Type": 'Application/JSON; charset="UTF-8"'}
    assert read_delivery(Headers(told), BODY).sha


def test_a_form_carries_the_same_event() -> None:
    told = Headers(headers() | {"Content-Type": "application/x-www-form-urlencoded"})
    form = f"payload={quote_plus(BODY)}".encode()
    assert read_delivery(told, form).facts() == read(push()).facts()


@pytest.mark.parametrize("form", [b"payload=%ZZ%7", b"", b"x=1", b"payload={}&payload={}", b"&" * 20 + b"payload={}"])
def test_a_form_without_one_good_payload_is_malformed(form: bytes) -> None:
    assert refused(headers() | {"Content-Type": "application/x-www-form-urlencoded"}, form) == 400


@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("%=+&_ \r\n\t.4"))))
@example("a=\nb =\r\n_ \t\n%3D=3D..\n")
def test_a_form_gives_back_what_was_put_into_it(text: str) -> None:
    assert form_payload(f"a=1&payload={quote_plus(text)}".encode()) == text.encode()
    loose = text.translate(str.maketrans("%&+", "   ")).encode()
    assert form_payload(b"payload=" + loose) == loose


def test_of_a_key_that_stands_twice_the_last_one_counts_everywhere() -> None:
    event = read(BODY[:-1] + b', "ref": "refs/heads/evil"}')
    assert (event.branch, event.payload["ref"], event.github_payload["ref"]) == ("evil",) + ("refs/heads/evil",) * 2


def test_a_lone_surrogate_can_be_stored() -> None:
    event = read(push(title="\ud800", head_commit={"message": "a\udfffb", "\ud800": 1}))
    assert event.message == "a\ufffdb"
    assert json.dumps(dict(event.github_payload), ensure_ascii=False).encode()


def test_the_delivery_id_is_the_forges_or_the_digest_of_what_was_sent() -> None:
    assert read(push()).delivery_id == "d-1"
    bare = Headers({"Content-Type": "application/json", "X-GitHub-Event": "push"})
    first, again = read_delivery(bare, BODY), read_delivery(bare, BODY)
    assert first.delivery_id == again.delivery_id != read_delivery(bare, BODY + b" ").delivery_id


def test_gitlabs_delivery_id_stays_the_same_over_its_retries() -> None:
    told = headers("gitlab", "Push Hook") | {"Idempotency-Key": "same", "X-Gitlab-Event-UUID": "another"}
    assert read_envelope(Headers(told)).delivery_id == "same"


KEYS = sorted(
    {key for tree in (push(), pull_request(), gitlab_push(), merge_request()) for key in tree}
    | set(pull_request()["pull_request"])
    | set(merge_request()["object_attributes"])
    | {"release", "tag_name", "ref_type", "full_name", "id", "sha", "repo", "changes", "labels", "name", "sender"}
)
WORDS = st.sampled_from(["refs/heads/a", "refs/tags/v1", "branch", "tag", "acme/app", "0" * 40, "2" * 40, "update", ""])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), WORDS)
TREES = st.recursive(
    st.one_of(LEAVES, st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=8)),
    max_leaves=40,
)
GOOD: list[dict[str, Any]] = [push(), pull_request(), gitlab_push(), merge_request()]


@settings(max_examples=400, deadline=None)
@given(
    forge=st.sampled_from(list(PREFIX)),
    pick=st.integers(0, 99),
    base=st.sampled_from([{}, *GOOD]),
    changes=st.dictionaries(st.sampled_from(KEYS), TREES, max_size=6),
)
@example(forge="github", pick=0, base=push(), changes={"commits": ["x", {"added": "a", "modified": [1, None]}]})
@example(forge="gitlab", pick=2, base=merge_request(), changes={"labels": [[]], "changes": {"labels": {"current": 1}}})
def test_any_object_under_any_event_is_an_event_or_a_refusal(
    forge: str, pick: int, base: dict[str, Any], changes: dict[str, Any]
) -> None:
    known = EVENTS.get(forge, EVENTS["gitea"])
    envelope = Envelope(forge, known[pick % len(known)], "d-1", form=False)
    try:
        event = read_event(envelope, {**base, **changes})
    except DeliveryError as error:
        assert error.status == 400
        return
    assert json.dumps(event.facts())
    for trigger in event.trigger_events():
        target = event.target_of(trigger.name)
        assert target.ref.startswith("refs/") or target.ref == "HEAD"
        assert target.sha is None or len(target.sha) in (40, 64)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_refusal(body: bytes) -> None:
    try:
        read_delivery(Headers(headers(event="star")), body)
    except DeliveryError as error:
        assert error.status == 400
