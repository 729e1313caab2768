"""What an answer means: by table."""

from datetime import UTC, datetime

import pytest

from engine.forges.post import Answer
from engine.forges.verdicts import LONGEST_S, Verdict, backoff_s, judge

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def of(code: int, text: str = "", tries: int = 0, **headers: str) -> Verdict:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(Answer(code, named, text), "github", tries, NOW)


def test_the_wait_doubles_to_a_limit():
    assert [backoff_s(tries) for tries in (1, 2, 3, 100)] == [5.0, 10.0, 20.0, LONGEST_S]


@pytest.mark.parametrize("code", [200, 201, 204])
def test_a_good_answer_has_been_heard(code):
    assert of(code) == Verdict(True)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 410, 413, 422])
def test_a_refusal_is_final(code):
    assert of(code).wait_s is None
    assert not of(code).everybody


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_failure_is_tried_again_and_keeps_no_other_letter_waiting(code):
    verdict = of(code, tries=2)
    assert (verdict.heard, verdict.wait_s, verdict.everybody) == (False, 20.0, False)


@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_receiver_is_left_alone(code):
    assert of(code).everybody
    assert of(code).wait_s == 5.0


@pytest.mark.parametrize(
    ("code", "headers", "wait_s"),
    [
        (429, {"retry_after": "7"}, 7.0),
        (503, {"retry_after": "Wed, 02 Jan 2030 03:05:05 GMT"}, 60.0),
        (429, {"retry_after": "Wed, 02 Jan 2030 03:00:00 GMT"}, 1.0),
        (429, {"retry_after": "0"}, 1.0),
        (429, {"retry_after": "999999"}, 3600.0),
        (429, {"retry_after": "soon"}, 5.0),
        (403, {"retry_after": "30"}, 30.0),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(NOW.timestamp()) + 90)}, 90.0),
    ],
)
def test_a_receiver_says_how_long(code, headers, wait_s):
    assert of(code, **headers).wait_s == wait_s


def test_a_redirect_is_not_followed_and_says_what_to_do():
    assert "new url" in of(307, location="https://elsewhere.example").problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"message": "No commit found"}', "it answered 422: No commit found"),
        ("plain\x1b[31m words\n", "it answered 422: plain [31m words"),
        ("<html>a page</html>", "it answered 422"),
        ("", "it answered 422"),
    ],
)
def test_a_problem_has_the_receivers_words_made_plain(text, problem):
    assert of(422, text).problem == problem


@pytest.mark.parametrize("text", ["x" * 10_000, "[" * 100_000])
def test_a_problem_is_short(text):
    assert len(of(422, text).problem) < 400
