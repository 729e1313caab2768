import json
from typing import Any

import pytest

from engine.worker.log import problem_matchers
from engine.worker.log.problem_matchers import (
    BUDGET_S,
    MOST,
    MatcherError,
    Problem,
    ProblemMatchers,
    parse_matchers,
)

GCC = {
    "owner": "gcc",
    "pattern": [
        {
            "regexp": r"^(.+?):(\d+):(\d+):\s+(?:fatal )?(warning|error):\s+(.*)$",
            "file": 1, "line": 2, "column": 3, "severity": 4, "message": 5,
        }
    ],
}  # fmt: skip
STYLISH = {
    "owner": "stylish",
    "pattern": [
        {"regexp": r"^([^\s].*)$", "file": 1},
        {
            "regexp": r"^\s+(\d+):(\d+)\s+(error|warning|info)\s+(.*)\s\s+(.*)$",
            "line": 1, "column": 2, "severity": 3, "message": 4, "code": 5, "loop": True,
        },
    ],
}  # fmt: skip


def file_of(*matchers: Any) -> bytes:
    return json.dumps({"problemMatcher": matchers}).encode()


class Watch:
    """A clock that moves by itself."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.now_s, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def matchers_of(*told: Any, watch: Watch | None = None) -> ProblemMatchers:
    matchers = ProblemMatchers(watch or Watch(), "/ws")
    matchers.add(parse_matchers(file_of(*told)))
    return matchers


def seen_in(matchers: ProblemMatchers, *lines: str) -> list[Problem]:
    return [problem for line in lines if (problem := matchers.match(line)[0])]


def one(**told: Any) -> dict[str, Any]:
    return {"owner": "x", "pattern": [{"regexp": "(.*)", "message": 1, **told}]}


def test_a_line_becomes_a_problem_at_its_place() -> None:
    matchers = matchers_of(GCC)
    assert seen_in(matchers, "cc -c a.c", "\x1b[1msrc/a.c:3:9:\x1b[0m fatal error: no b.h") == [
        Problem("error", "no b.h", "src/a.c", 3, 9)
    ]


def test_the_last_of_several_patterns_may_say_more_than_once() -> None:
    lines = (
        "/ws/js/a.js",
        "  1:2  error  Missing semicolon  semi",
        "  5:6  warning  Unused  no-unused-vars",
        "",
        "b.js",
    )
    assert seen_in(matchers_of(STYLISH), *lines, "  9:9  error  Too late  x") == [
        Problem("error", "Missing semicolon", "js/a.js", 1, 2, "semi"),
        Problem("warning", "Unused", "js/a.js", 5, 6, "no-unused-vars"),
        Problem("error", "Too late", "b.js", 9, 9, "x"),
    ]


def test_a_line_between_ends_a_pattern_of_several_lines() -> None:
    lines = ("a.js", "  1:2  error  One  c", "", "  1:2  error  Two  c")
    assert [problem.message for problem in seen_in(matchers_of(STYLISH), *lines)] == ["One"]


def test_the_newest_matcher_is_asked_first_and_resets_the_others() -> None:
    mine = one(regexp="^(  1:2 .*)$")
    matchers = matchers_of(STYLISH)
    matchers.add(parse_matchers(file_of(mine)))
    lines = ("a.js", "  1:2  error  Mine  c", "  5:6  error  Nobody's  c")
    assert [problem.message for problem in seen_in(matchers, *lines)] == ["  1:2  error  Mine  c"]


def test_a_matcher_takes_the_place_of_its_owners_earlier_one() -> None:
    matchers = matchers_of(one(regexp="(old)"))
    matchers.add(parse_matchers(file_of(one(regexp="(new)") | {"owner": "X"})))
    assert seen_in(matchers, "old") == []
    assert matchers.remove(["x"]) == ["X"]
    assert not matchers.active


@pytest.mark.parametrize(
    ("path", "base", "shown"),
    [
        ("a/b.c", "", "a/b.c"),
        ("/ws/a.c", "", "a.c"),
        ("/usr/include/x.h", "", ""),
        ("../x.c", "", ""),
        ("../a.c", "src/p.csproj", "a.c"),
        ("a.c", "/ws/src/p.csproj", "src/a.c"),
        ("/ws/../ws2/a.c", "", ""),
        ("", "", ""),
    ],
)
def test_a_file_is_told_from_the_workspace_and_only_if_it_is_in_there(path: str, base: str, shown: str) -> None:
    assert ProblemMatchers(Watch(), "/ws").relative(path, base) == shown


def test_what_has_no_message_or_an_unknown_level_is_nobodys_problem() -> None:
    assert seen_in(matchers_of(one(regexp="^(x?)")), "y", "x") == [Problem("error", "x")]
    told = one(regexp="(info|notice) (.*)", severity=1, message=2)
    assert seen_in(matchers_of(told), "info a", "notice b") == [Problem("notice", "b")]
    assert seen_in(matchers_of(one() | {"severity": "Warning"}), "w") == [Problem("warning", "w")]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (b"nope", "no JSON"),
        (b'{"problemMatcher": 3}', "no list"),
        (file_of("x"), "object"),
        (file_of({"pattern": []}), "no owner"),
        (file_of({"owner": "x", "pattern": []}), "no list of patterns"),
        (file_of(one() | {"severity": "loud"}), "loud"),
        (file_of(one(), one() | {"owner": "X"}), "twice"),
        (file_of(one(regexp="(")), "regexp"),
        (file_of(one(regexp="(" * 3000)), "regexp"),
        (file_of(one(regexp="x" * 5000)), "longer"),
        (file_of(one(message=None)), "no pattern sets message"),
        (file_of(one(file=2)), "1 groups"),
        (file_of(one(file=-1)), "groups"),
        (file_of(one(file=True)), "number"),
        (file_of(one(loop=True)), "last of several"),
        (file_of({"owner": "x", "pattern": [{"regexp": "(a)", "message": 1}, {"regexp": "b", "loop": True}]}), "loop"),
        (file_of({"owner": "x", "pattern": [{"regexp": "(a)", "message": 1}] * 2}), "set twice"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_the_reason(told: bytes, words: str) -> None:
    with pytest.raises(MatcherError, match=words):
        parse_matchers(told)


def test_a_file_may_hold_nothing() -> None:
    assert parse_matchers(b'\xef\xbb\xbf{"problemMatcher": []}') == parse_matchers("{}") == []


def test_a_job_has_only_so_many_matchers() -> None:
    matchers = matchers_of(*(one() | {"owner": str(n)} for n in range(MOST)))
    with pytest.raises(MatcherError):
        matchers.add(parse_matchers(file_of(one() | {"owner": "more"})))
    matchers.add(parse_matchers(file_of(one() | {"owner": "0"})))


@pytest.mark.parametrize("regexp", [r"^(a|a)*$", r"(?=(a+))*(a+)+b", r"^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_an_expression_that_would_never_end_is_removed_and_said_so(
    regexp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problem_matchers, "SEARCH_LIMIT_S", 0.1)
    matchers = matchers_of(one(regexp=regexp, message=1), GCC)
    problem, complaints = matchers.match("a" * 16_000 + "!")
    assert problem is None
    assert [complaint[:28] for complaint in complaints] == ["The problem matcher x is rem"]
    assert matchers.owners == ["gcc"]
    assert "0.1 s" in complaints[0]


def test_expressions_that_are_slow_for_every_line_are_removed_when_their_time_is_used_up() -> None:
    matchers = matchers_of(one(regexp="(never)"), GCC, watch=Watch(BUDGET_S / 100))
    lines = 0
    while matchers.active:
        _, complaints = matchers.match("a line")
        lines += 1
    assert 100 <= lines <= 103
    assert len(complaints) == 2


def test_fast_expressions_never_use_their_time_up() -> None:
    matchers = matchers_of(GCC, watch=Watch(0.00009))
    for _ in range(100_000):
        matchers.match("x")
    assert matchers.active


def test_another_process_goes_on_in_the_midst_of_lines_that_belong_together() -> None:
    first = matchers_of(STYLISH, GCC)
    seen_in(first, "a.js", "  1:2  error  One  c")
    second = ProblemMatchers(Watch(), "/ws")
    second.restore(json.loads(json.dumps(first.state())))
    assert second.owners == first.owners
    assert seen_in(second, "  5:6  error  Two  c") == [Problem("error", "Two", "a.js", 5, 6, "c")]
