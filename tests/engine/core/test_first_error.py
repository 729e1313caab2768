"""Which line says what went wrong: of each tool's own way of saying it, and none of the engine's."""

import pytest

from engine.core.first_error import LONGEST, first_error

CLOSING = "Process completed with exit code 1."
END = f"##[error]{CLOSING}\n"
SAYS = {
    "pytest": (
        "tests/test_a.py F\n    def test_a():\n>       assert 1 == 2\nE       assert 1 == 2\n\n"
        "tests/test_a.py:2: AssertionError\n"
        "FAILED tests/test_a.py::test_a - assert 1 == 2\n1 failed in 0.01s\n",
        "FAILED tests/test_a.py::test_a - assert 1 == 2",
    ),
    "unittest": (
        "FAIL: test_a (t.A.test_a)\n-----\n"
        "Traceback (most recent call last):\n  File \"t.py\", line 3\nAssertionError: 1 != 2\n",
        "FAIL: test_a (t.A.test_a): AssertionError: 1 != 2",
    ),
    "go": (
        "--- FAIL: TestA (0.00s)\n    a_test.go:5: got 1, want 2\nFAIL\nFAIL\texample/a\t0.002s\n",
        "--- FAIL: TestA (0.00s): a_test.go:5: got 1, want 2",
    ),
    "cargo test": (
        "test a::works ... FAILED\n---- a::works stdout ----\nthread 'a::works' panicked at src/a.rs:3:5:\n",
        "test a::works ... FAILED: thread 'a::works' panicked at src/a.rs:3:5:",
    ),
    "jest": (
        "\x1b[31m FAIL \x1b[0m src/a.test.js\n  ● sums › adds\n    Error: no\n",
        "FAIL src/a.test.js: Error: no",
    ),
    "TAP": ("ok 1 - a\nnot ok 2 - b adds\n", "not ok 2 - b adds"),
    "gradle": ("AppTest > adds FAILED\n", "AppTest > adds FAILED"),
    "python": (
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nValueError: bad thing\n',
        "ValueError: bad thing",
    ),
    "java": ("Exception in thread main java.lang.IllegalStateException: no\n\tat A.b(A.java:3)\n",
             "Exception in thread main java.lang.IllegalStateException: no"),
    "node": ("node:internal/x\nTypeError: x is not a function\n    at a.js:1:2\n", "TypeError: x is not a function"),
    "gcc": ("cc -c a.c\na.c:3:5: error: 'x' undeclared\n", "a.c:3:5: error: 'x' undeclared"),
    "rustc": ("error[E0308]: mismatched types\n --> src/a.rs:1\n", "error[E0308]: mismatched types"),
    "tsc": ("src/a.ts(1,7): error TS2322: Type 'string'\n", "src/a.ts(1,7): error TS2322: Type 'string'"),
    "make": ("make: *** [Makefile:2: all] Error 1\n", "make: *** [Makefile:2: all] Error 1"),
    "npm": ("npm ERR! code ELIFECYCLE\n", "npm ERR! code ELIFECYCLE"),
    "git": ("fatal: not a git repository\n", "fatal: not a git repository"),
    "shell": ("sh: 1: frob: not found\n", "sh: 1: frob: not found"),
    "logging": ("2024-01-01 INFO ok\nERROR cannot start\n", "ERROR cannot start"),
    "docker": ("ERROR: failed to solve: no such stage\n", "ERROR: failed to solve: no such stage"),
    "marked": ("Error: other\n##[error]the marked one\n", "the marked one"),
    "nothing known": ("one\nthe last word\n\n", "the last word"),
}  # fmt: skip


@pytest.mark.parametrize("tool", SAYS)
def test_each_tool_has_its_own_way_of_saying_it(tool: str):
    log, line = SAYS[tool]
    introduction = "##[group]Run make\nError: what is about to run\n##[endgroup]\n"
    assert first_error(f"{introduction}{log}{END}".encode(), CLOSING) == line


@pytest.mark.parametrize(
    "line",
    ["0 errors, 0 warnings", "no error", "Compiling thiserror v1.0", "test errors::are_kept ... ok", "error_count=0"],
)
def test_not_all_that_speaks_of_errors_is_one(line: str):
    assert first_error(f"{line}\nlast\n{END}".encode(), CLOSING) == "last"


def test_what_prints_nothing_says_nothing():
    assert first_error(f"##[group]Run false\nfalse\n##[endgroup]\n{END}".encode(), CLOSING) == ""


def test_a_line_is_cut_where_nobody_reads_on():
    assert len(first_error(b"Error: " + b"x" * 5000)) == LONGEST


def test_hostile_bytes_are_no_trouble():
    assert first_error(b"\xff\xfe\x00 Error: \x1b[999;999H\xff\n") != ""
