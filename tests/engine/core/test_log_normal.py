"""What differs at every run is a placeholder, and what means something stays: laws both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.first_error import first_error
from engine.core.log_normal import normal, normal_text

GONE = {
    # instants
    "2024-05-01T12:30:01.123Z start": "<time> start",
    "2024-05-01 12:30:01,123 INFO x": "<time> INFO x",
    "2024-05-01T12:30:01+02:00": "<time>",
    "2024/05/01 12:30:01 listening": "<time> listening",
    "built on 2024-05-01": "built on <time>",
    "[12:30:01] Starting 'build'": "[<time>] Starting 'build'",
    "12:30:01 PM done": "<time> done",
    "Mon Jan  2 15:04:05 2024 boot": "<time> boot",
    "Mon, 02 Jan 2024 15:04:05 GMT": "<time>",
    "Jan  2 15:04:05 host sshd[4711]: hi": "<time> host sshd[<pid>]: hi",
    "02/Jan/2024:15:04:05 +0000": "<time>",
    "I0102 15:04:05.678901   12345 main.go:12] up": "I<time> main.go:12] up",
    '{"ts":1714566601.123,"ms":1714566601123}': '{"ts":<time>,"ms":<time>}',
    # durations
    "12 passed in 1.23s": "12 passed in <duration>",
    "ok   pkg/a 0.012s": "ok   pkg/a <duration>",
    "took 12 ms": "took <duration>",
    "took 12ms, then 1m23.5s, then 1h 2m 3s": "took <duration>, then <duration>, then <duration>",
    "Finished in 3.21 seconds": "Finished in <duration>",
    "real\t0m1.234s": "real\t<duration>",
    "(0:01:02)": "(<time>)",
    "5µs": "<duration>",
    # ids
    "HEAD is now at 1a2b3c4 Mend it": "HEAD is now at <hash> Mend it",
    "container 4f9d8e7c6b5a": "container <hash>",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08": "sha256:<hash>",
    "main.3f4a5b6c.js": "main.<hash>.js",
    "id 123e4567-e89b-12d3-a456-426614174000": "id <id>",
    "id f23e4567-e89b-12d3-a456-426614174000": "id <id>",
    "id F23E4567-E89B-12D3-A456-426614174000": "id <id>",
    "<Thing object at 0x7f3a2c1b9d50>": "<Thing object at <address>>",
    "==4711== Invalid read": "==<pid>== Invalid read",
    "pid 4711, PID: 4712, pid=4713": "pid <pid>, PID: <pid>, pid=<pid>",
    # where
    "wrote /tmp/xyz123/out.txt": "wrote /tmp/<tmp>/out.txt",
    "cd /tmp/tmpab_cdefg": "cd /tmp/<tmp>",
    "open /tmp/tmp.AbCdEfGhIj: no": "open /tmp/<tmp>: no",
    "/tmp/pytest-of-root/pytest-12/test_a0/x": "/tmp/pytest-of-<tmp>/test_a0/x",
    "/var/folders/ab/c1d2e3f4/T/x": "/var/folders/<tmp>/T/x",
    "/tmp/go-build123456789/b001/a.test": "/tmp/<tmp>/b001/a.test",
    "/srv/treadle/work/34-2/workspace/a.py": "/srv/treadle/work/<tmp>/workspace/a.py",
    "listening on http://localhost:34567/": "listening on http://localhost:<port>/",
    "connect to 127.0.0.1:5433 refused": "connect to 127.0.0.1:<port> refused",
    "[::1]:8080": "[::1]:<port>",
    # how much, how far
    "Receiving objects: 42% (5/12), 1.23 MiB | 4.56 MiB/s": "Receiving objects: <percent> (5/12), <size> | <size>",
    "coverage 87.5 %": "coverage <percent>",
    "bundle 12.3K": "bundle <size>",
    "100%|####| 50/50 [00:01<00:00, 45.2it/s]": "<percent>|####| 50/50 [<duration>]",
    "45.2it/s": "<rate>",
    # what a terminal is told
    "\x1b[31mred\x1b[0m": "red",
    "\x1b]0;title\x07text": "text",
    "10%\r50%\rdone": "done",
    "done\r": "done",
    # what the engine itself says
    "Attempt: 2, on worker-1": "Attempt: <attempt>",
    "Job: test (3.12) (j34)": "Job: test (3.12) (<job>)",
}

KEPT = [
    "##[error]Process completed with exit code 1.",
    "exit code 137",
    "exit code 0xC0000005",
    "src/main.py:12:5: error: no such name",
    'File "/app/a.py", line 42, in test_a',
    "src/a.ts(12,34): error TS2322: Type",
    "12 passed, 3 failed",
    "Python 3.11.4",
    "node v20.1.0",
    "serde 1.0.193",
    "HTTP 404",
    "deadbeef",
    "1234567",
    "assert 12 == 13",
    "items[12]: invalid",
    "utf-8, base64, sha256, md5",
    "/tmp/build/out.txt",
    "/tmp/python3.11/bin",
    "/app/tmp/cache/x",
    "the file d3d11.dll",
    "port 8080",
    "example.org:443",
    "expected 12 bytes, got 13",
    "try 2 of 3",
    "x.c:10:22:33",
    "May contain nuts",
    "5 m",
]


@pytest.mark.parametrize("text", GONE)
def test_what_differs_at_every_run_is_a_placeholder(text):
    assert normal(text.encode()).decode() == GONE[text]


@pytest.mark.parametrize("text", KEPT)
def test_what_means_something_stays(text):
    assert normal(text.encode()).decode() == text


PIECES = sorted(
    {*GONE, *GONE.values(), *KEPT, " ", ":", "-", ".", "/", "<", ">", "\n", "\r", "\x1b", "7", "a", "f3", "s", "%"}
)


@given(
    st.lists(st.sampled_from(PIECES) | st.text("0123456789abcdefx:.-/ <>[]%msMBTZ\r\n\x1b;", max_size=12)).map("".join)
)
def test_what_is_normal_stays_as_it_is(text):
    once = normal(text.encode())
    assert normal(once) == once


@given(st.text())
def test_no_line_comes_or_goes(text):
    data = text.encode()
    assert normal(data).count(b"\n") == data.count(b"\n")


@given(st.lists(st.sampled_from(PIECES).filter(lambda piece: "\n" not in piece), min_size=2, max_size=6))
def test_a_line_is_the_same_alone_and_among_others(lines):
    data = [line.encode() for line in lines]
    assert normal(b"\n".join(data)).split(b"\n") == [normal(line) for line in data]


@pytest.mark.parametrize(
    "piece",
    [
        "\r",
        "a",
        "1",
        " ",
        "pytest-of-",
        "/tmp/",
        "/var/folders/",
        "pid ",
        "[1",
        "0x",
        "Jan ",
        "\x1b[",
        "\x1b]",
        "1h",
        "tmp",
        "-1a",
    ],
)
def test_no_line_takes_more_than_its_length(piece):
    """One that does would take hours for this."""
    text = piece.encode() * (1_000_000 // len(piece))
    normal(b"\r\n" + text)
    first_error(text)


def test_large_texts_are_worked_on_in_pieces_and_come_out_whole():
    line = b"took 12 ms to /tmp/xyz123/a and back\n"
    assert normal(line * 20_000 + b"the end") == b"took <duration> to /tmp/<tmp>/a and back\n" * 20_000 + b"the end"


def test_a_text_becomes_one_line():
    assert normal_text("  took\n 12 ms ") == "took <duration>"
