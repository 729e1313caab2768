"""Path globs: what a pattern takes, where a search begins, how files are named inside an artifact."""

import pytest

from pipelines.globs import GlobError, artifact_root, parse_globs

CASES = [
    ("out", "out/f.txt", True),
    ("out", "out/deep/f.txt", True),
    ("out", "outer/f.txt", False),
    ("out/", "out", False),
    ("out/", "out/f", True),
    ("./out", "out/f", True),
    (".", "anything/at/all", True),
    ("**", "a", True),
    ("**/*.log", "a.log", True),
    ("**/*.log", "x/y/a.log", True),
    ("**/*.log", "x/y/a.txt", False),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b/c", True),
    ("a/**/**/b", "a/x/b", True),
    ("a/**", "a", True),
    ("*.txt", "dir/a.txt", False),
    ("*/a.txt", "dir/a.txt", True),
    ("?.txt", "ab.txt", False),
    ("[a-c].txt", "b.txt", True),
    ("[!a-c].txt", "b.txt", False),
    ("[^a-c].txt", "d.txt", True),
    ("[]x].txt", "].txt", True),
    ("a[.txt", "a[.txt", True),
    (r"a\*.txt", "a*.txt", True),
    (r"a\*.txt", "ab.txt", False),
    ("*", ".hidden", True),
    ("a+(b).txt", "a+(b).txt", True),
    ("{a,b}.txt", "a.txt", False),
    ("dist\n!dist/**/*.map", "dist/a.js", True),
    ("dist\n!dist/**/*.map", "dist/x/a.map", False),
    ("dist\n!dist/**/*.map\ndist/x/a.map", "dist/x/a.map", True),
    ("!dist\ndist", "dist/a", True),
    ("dist\n!dist/keep/", "dist/keep/x", False),
    ("# a comment\n\n dist ", "dist/a", True),
]


@pytest.mark.parametrize(("patterns", "path", "taken"), CASES)
def test_the_last_pattern_that_hits_a_file_decides(patterns: str, path: str, taken: bool) -> None:
    assert parse_globs(patterns, "/work space/[w]", "/root").matches(f"/work space/[w]/{path}") is taken


def test_absolute_paths_and_home_are_not_bound_to_the_workspace() -> None:
    globs = parse_globs("/etc/os*\n~/.cache", "/w", "/home/x")
    assert globs.matches("/etc/os-release")
    assert globs.matches("/home/x/.cache/pip/y")
    assert not globs.matches("/w/etc/os-release")
    assert globs.search_roots == ("/etc", "/home/x/.cache")


@pytest.mark.parametrize("pattern", ["../x", "a/../b", "a/./b", "/a/..", "!"])
def test_a_pattern_cannot_climb_or_be_empty(pattern: str) -> None:
    with pytest.raises(GlobError, match="pattern"):
        parse_globs(pattern, "/w", "/root")


def test_a_search_starts_at_the_literal_beginning_and_never_twice() -> None:
    assert parse_globs("a/b/*.txt\na\na/c\n!z\nb/[x]y/?", "/w", "/r").search_roots == ("/w/a", "/w/b/xy")
    assert parse_globs("!a", "/w", "/r").search_roots == ()


def test_files_are_named_from_the_least_common_ancestor() -> None:
    assert artifact_root(("/w/out",), ["/w/out/a", "/w/out/b"]) == "/w/out"
    assert artifact_root(("/w/out/a.txt",), ["/w/out/a.txt"]) == "/w/out"
    assert artifact_root(("/w/a/x.txt", "/w/a/y.txt"), ["/w/a/x.txt", "/w/a/y.txt"]) == "/w/a"
    assert artifact_root(("/w/a", "/w/b"), ["/w/a/f"]) == "/w"
