"""The laws of patterns."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.filters import PatternError, compile_patterns


def matches(pattern: str, subject: str) -> bool:
    return compile_patterns([pattern]).includes(subject)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*", ["main", ".github", "a.b-c_d"], ["a/b"]),
        ("**", ["a", "a/b/c", ""], []),
        ("feature/**", ["feature/a/b", "feature/"], ["feature", "xfeature/a"]),
        ("a/*/c", ["a/b/c", "a//c"], ["a/c", "a/b/b/c"]),
        ("a/**/c", ["a/c", "a/b/c", "a/b/b/c"], ["ac", "a/bc", "a/b/cc"]),
        ("**/README.md", ["README.md", "x/y/README.md"], ["XREADME.md", "README.md/x"]),
        ("**/docs/**", ["docs/a", "x/docs/y/z"], ["xdocs/a", "docs"]),
        ("**.js", ["a.js", "src/a.js"], ["a.jsx"]),
        ("feature**/x", ["feature/x", "feature-a/b/x"], ["featurex"]),
        ("*.jsx?", ["a.js", "a.jsx"], ["a.jsxx"]),
        ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1.0", "v12.0.0", "vv1.1.1"]),
        ("ab+c", ["abc", "abbbc"], ["ac"]),
        ("ab+?c", ["ac", "abbc"], ["abd"]),
        ("[0-9a-f]+", ["12af"], ["", "12g", "AF"]),
        ("\\*\\?\\[x\\]", ["*?[x]"], ["a?[x]"]),
        ("\\!main", ["!main"], ["main"]),
        ("?", ["?"], ["a", ""]),
        ("a$(b|c)^.{2}", ["a$(b|c)^.{2}"], ["ab"]),
        ("ü*", ["übung"], ["u"]),
    ],
)
def test_a_pattern_matches_all_of_a_name(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [name for name in yes if not matches(pattern, name)] == []
    assert [name for name in no if matches(pattern, name)] == []


@pytest.mark.parametrize(
    "pattern", ["", "!", "[", "[]", "a[", "v[0-9", "[a-9]", "[9-1]", "[a-]", "[a b]", "[é]", "[^a]", "[!a]", "a\\"]
)
def test_a_pattern_that_cannot_be_read_is_named(pattern: str) -> None:
    with pytest.raises(PatternError, match="pattern"):
        compile_patterns(["main", pattern])


def test_the_last_match_decides() -> None:
    patterns = compile_patterns(["**", "!docs/**", "docs/api/**"])
    assert patterns.includes("docs/api/x")
    assert not patterns.includes("docs/x")
    assert compile_patterns(["!main", "**"]).includes("main")
    assert not compile_patterns(["!main"]).includes("dev")


def test_one_file_that_counts_is_enough() -> None:
    assert compile_patterns(["src/**", "!**.md"]).passes(["src/a.md", "src/a.py"])
    assert not compile_patterns(["src/**", "!**.md"]).passes(["src/a.md", "README.md"])
    assert compile_patterns(["**.md"]).passes(["a.md", "b.py"], ignore=True)
    assert not compile_patterns(["**.md"]).passes(["a.md", "b/c.md"], ignore=True)
    assert compile_patterns([]).passes([]) and compile_patterns([]).passes(["a"], ignore=True)


ATOMS = st.sampled_from(["a", "b", "/", "*", "**", "**/", "/**/", "[ab]", "?", "+", "\\*", "."])


def as_regex(pattern: str) -> str:
    """The same rules as a regular expression: slow in the worst case, but another way to the answer."""
    tokens = re.findall(r"\*+/?|\[[a-z]+\]|\\.|.", pattern)
    out: list[str] = []
    before = ""
    for token in tokens:
        star = token.rstrip("/")
        if star and not star.strip("*"):
            folders = len(star) > 1 and token.endswith("/") and before in ("", "/", "folders")
            out += ["(?:.+/)?"] if folders else ["(?:.*)" if len(star) > 1 else "(?:[^/]*)"]
            if token.endswith("/") and not folders:
                out.append("/")
            before = "/" if token.endswith("/") else "*"
            if folders:
                before = "folders"
        elif token in "?+" and out and before != "folders":
            out[-1] = f"(?:{out[-1]}){token}"
            before = token
        else:
            out.append(token if token[0] == "[" else re.escape(token[-1]))
            before = token
    return "".join(out)


@given(st.lists(ATOMS, min_size=1, max_size=5).map("".join), st.text("ab/*.?+", max_size=7))
def test_matching_agrees_with_regular_expressions(pattern: str, subject: str) -> None:
    assert matches(pattern, subject) == bool(re.fullmatch(as_regex(pattern), subject, re.DOTALL)), as_regex(pattern)


def test_no_pattern_takes_exponential_time() -> None:
    assert not matches("**/" * 40 + "*a*" * 40 + "b+?" * 40 + "x", "a/" * 200 + "a" * 800)
