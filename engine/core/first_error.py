"""The first thing in a step's log that says what went wrong. Pure; the one rule for it.

An error that the step marked as such (`::error::`, a problem matcher) comes first. Else it is the first line that
names a test that failed, with the first line that looks like an error if that says more; else what was said last.
What the engine says itself, of exit codes and of what it is about to run, is none of it.
"""

import re

from engine.core.log_normal import bare, normal_text

LONGEST = 500
_INTRODUCTION = re.compile(rb"\A##\[group\][^\n]*\n(?:[^\n]*\n)*?##\[endgroup\]\n")
_MARK = "##["
# What nobody reads of a line, and a pattern would take its time over.
_REST = re.compile(r"^([^\n]{1000})[^\n]+", re.MULTILINE)
_SAID = re.compile(r"^##\[error\](.+)", re.MULTILINE)
_TEST = re.compile(
    r"""^[ \t]*(
      (?:FAILED|ERROR)[ ]\S+(?:::|\.py)\S*.*      # pytest's summary
    | (?:FAIL|ERROR):[ ]\S+[ ]\(.+\)              # unittest
    | ---[ ]FAIL:[ ]\S+.*                         # go test
    | not[ ]ok[ ]\d+.*                            # TAP
    | FAIL[ ]+\S+.*                               # jest, vitest
    | ●[ ].+[ ]›[ ].+
    | test[ ]\S+[ ]\.\.\.[ ]FAILED                # cargo test
    | rspec[ ]\./\S+:\d+[ ].*
    | \S+[ ]>[ ].+[ ]FAILED                       # gradle
    | \[ERROR\][ ]+(?:\S+\.\S+:\d+|\S+Test\S*).*  # maven
    | \d+[ ]-[ ]\S+[ ]\(Failed\)                  # ctest
    )$""",
    re.MULTILINE | re.VERBOSE,
)
_KINDS = "Error|Exception|Failure|Panic|Fault"
_ERROR = re.compile(
    rf"""^[ \t]*(
      E[ ]{{2,}}\S.*                                                # pytest
    | (?:Uncaught[ ]|Unhandled[ ]|Caused[ ]by:[ ]|Exception[ ]in[ ]thread[ ]\S+[ ])?
      [\w.$:]*(?:{_KINDS})(?:[ ]\[\w+\])?(?::[ ].+|$)              # an exception's name
    | \S+?[:(]\d+(?:[:,]\d+)?\)?:?[ ](?:fatal[ ])?error\b.*        # a place, as compilers name it
    | (?:fatal[ ]|internal[ ])?(?:[Ee]rror|ERROR|FATAL|CRITICAL|fatal|panic|PANIC)(?:\[\w+\])?[:\]][ ]*\S.*
    | \[?(?:ERROR|FATAL|CRITICAL)\]?[ ]+\S.*
    | (?:npm|yarn|pnpm)[ ](?:ERR!|error)[ ].+
    | g?make(?:\[\d+\])?:[ ]\*\*\*[ ].+
    | \S+_test\.go:\d+:[ ].+                                            # go test
    | thread[ ]'.*'[ ](?:\(\d+\)[ ])?panicked[ ]at.*
    | E:[ ]\S.*                                                     # apt
    | \S.*:[ ](?:command[ ]not[ ]found|not[ ]found|No[ ]such[ ]file[ ]or[ ]directory|Permission[ ]denied)
    | .*\b(?:[Aa]ssertion[ ].{{0,200}}failed|Segmentation[ ]fault|core[ ]dumped|[Tt]imed[ ]out|Connection[ ]refused
      |Could[ ]not[ ]resolve[ ]host)\b.*
    | Killed
    )$""",
    re.MULTILINE | re.VERBOSE,
)


def first_error(log: bytes, closing: str = "") -> str:
    """Return what a step's part of a log (or the end of it) says went wrong, in one line; "" where it says nothing.

    `closing` is how the engine itself put the end of the step, which stands in the log as an error too.
    """
    text = _REST.sub(r"\1", bare(_INTRODUCTION.sub(b"", log, count=1)).decode("utf-8", "replace"))
    said = (found[1] for found in _SAID.finditer(text))
    if (marked := next((one for one in said if one.strip() != closing), None)) is not None:
        return _line(marked)
    test, error = _TEST.search(text), _ERROR.search(text)
    if test is not None:
        return _line(_both(test[1], "" if error is None else error[1]))
    if error is not None:
        return _line(error[1])
    lines = (line for line in reversed(text.splitlines()) if line.strip() and not line.startswith(_MARK))
    return _line(next(lines, ""))


def _both(test: str, error: str) -> str:
    """Return which test failed, and how, unless that is said already."""
    error = re.sub(r"^E\s+", "", error)
    inside = not error or normal_text(error) in normal_text(test) or normal_text(test) in normal_text(error)
    return test if inside else f"{test.rstrip()}: {error}"


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST]
