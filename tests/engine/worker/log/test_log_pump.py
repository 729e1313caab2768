import base64
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.store.logs.index import SIZE, Mark
from engine.store.logs.paths import index_path
from engine.store.logs.reader import LogReader
from engine.store.logs.writer import LogWriter
from engine.worker.log.commands import CommandStream
from engine.worker.log.problem_matchers import LINE_LIMIT_BYTES, ProblemMatchers
from engine.worker.log.pump import LogPump, discard
from engine.worker.log.raw_lines import COMMAND_LIMIT_BYTES
from engine.worker.log.secrets_mask import Mask

NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
MATCHERS = b"""{"problemMatcher": [
  {"owner": "one", "pattern": [{"regexp": "^plain(.*)$", "message": 0}]},
  {"owner": "two", "pattern": [
    {"regexp": "^([a-z]+)$", "file": 1}, {"regexp": "^ +(\\\\S.*)$", "message": 1, "loop": true}]}]}"""
SECRETS = ("tok-1", "k-1ab", "two\nlines", "ab", "abba")


class Desk:
    """One attempt: its raw file, its log, its journal, and a pump that can be killed."""

    def __init__(self, folder: Path, limit: int = 1 << 30) -> None:
        self.folder = folder
        self.limit = limit
        self.log = folder / "1-1.log"
        self.journal = folder / "commands"
        self.raw = os.open(folder / "raw", os.O_RDWR | os.O_CREAT)
        self.open()

    def open(self) -> None:
        self.mask = Mask(SECRETS)
        self.matchers = ProblemMatchers(float)
        self.writer = LogWriter(self.log, self.limit)
        self.pump = LogPump(
            self.writer,
            self.mask,
            lambda step: CommandStream(hide=self.mask.text, matchers=self.matchers, read=lambda path: MATCHERS),
            lambda: NOW,
            self.journal,
        )

    def close(self) -> None:
        self.pump.close()
        self.writer.close()

    def print(self, data: bytes) -> None:
        os.pwrite(self.raw, data, os.fstat(self.raw).st_size)
        self.pump.pump(0, self.raw)

    def sizes(self) -> list[int]:
        return [path.stat().st_size for path in (self.log, index_path(self.log), self.journal)]

    def kill_in_the_middle(self, before: list[int], share: float) -> None:
        """Leave the files as a kill during the last write would: journal, then index, then log."""
        after = self.sizes()
        grown = sum(after) - sum(before)
        left = int(grown * share)
        files = (self.journal, index_path(self.log), self.log)
        for path, old, new in zip(
            files, (before[2], before[1], before[0]), (after[2], after[1], after[0]), strict=True
        ):
            kept = min(left, new - old)
            left -= kept
            os.truncate(path, old + kept)
        self.close()
        self.open()

    def dropped_bytes(self) -> int:
        with LogReader(self.log) as reader:
            return sum(entry.dropped for entry in reader.entries())

    def end(self) -> bytes:
        self.pump.finish(0, self.raw)
        return self.log.read_bytes()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_plain_output_passes_byte_for_byte(desk: Desk) -> None:
    data = b"a\nb \xff\x00 std::string x\r\nprogress 1%\rprogress 2%\r\n\nno newline"
    desk.print(data)
    assert desk.end() == data


def test_a_prompt_shows_at_once(desk: Desk) -> None:
    for prompt in (b"Password: ", b":: Proceed? [Y/n] ", b"# ", b"root# "):
        before = desk.writer.size
        desk.print(prompt)
        assert desk.log.read_bytes()[before:] == prompt


def test_a_command_begun_waits_for_its_end(desk: Desk) -> None:
    for part in (b"x\n", b"  ", b":", b":err", b"or::bo", b"om"):
        desk.print(part)
        assert desk.log.read_bytes() == b"x\n"
    desk.print(b"\ny")
    assert desk.log.read_bytes() == b"x\n##[error]boom\ny"
    assert [note.message for note in desk.pump.commands(0).annotations] == ["boom"]


def test_commands_become_the_lines_that_people_read(desk: Desk) -> None:
    desk.print(b"::group::Build tok-1\nmake\n::endgroup::\n::warning file=a.c,line=3,title=T::w\n::debug::d\n")
    assert desk.end() == b"##[group]Build ***\nmake\n##[endgroup]\n##[warning]w\n"
    marks = [(entry.mark, entry.start) for entry in LogReader(desk.log).entries() if entry.mark > Mark.STEP_END]
    assert marks == [(Mark.GROUP_BEGIN, 0), (Mark.GROUP_END, 24), (Mark.WARNING, 37)]


def test_a_masked_value_is_hidden_from_the_next_line_on_and_its_command_never_shows(desk: Desk) -> None:
    desk.print(b"hunter2\n::add-mask::hunter2\r\nhunter2\n::error::hunter2\n")
    assert desk.end() == b"hunter2\n***\n##[error]***\n"
    assert desk.pump.commands(0).annotations[0].message == "***"


def test_a_command_may_follow_a_progress_bar(desk: Desk) -> None:
    desk.print(b"10%\r::add-mask::hunter2\r\nhunter2\r::notice::n\r")
    assert desk.end() == b"10%\r***\r##[notice]n\n"


def test_stopped_commands_are_plain_text(desk: Desk) -> None:
    desk.print(b"::stop-commands::T1\n::error::no\n::T1::\n::error::yes\n")
    assert desk.end() == b"::stop-commands::T1\n::error::no\n::T1::\n##[error]yes\n"


def test_a_line_of_five_megabytes_is_plain_and_not_held(desk: Desk) -> None:
    line = b"::error::" + b"x" * 5_000_000
    for at in range(0, len(line), 700_000):
        desk.print(line[at : at + 700_000])
        assert desk.writer.resume_offset(0) + COMMAND_LIMIT_BYTES >= min(at + 700_000, len(line))
    assert desk.end() == line


def test_a_secret_split_over_writes_is_hidden(desk: Desk) -> None:
    for part in (b"x to", b"k-", b"1tok", b"-1 y\n"):
        desk.print(part)
    assert desk.end() == b"x *** y\n"


def test_output_beyond_the_limit_is_counted_and_dropped_with_one_mark(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limit=10)
    for _ in range(5):
        desk.print(b"12345\n")
    desk.close()
    desk.open()
    desk.print(b"12345\n")
    desk.pump.say("The step was cancelled.")
    _, kept, mark, said = desk.end().splitlines()
    assert (kept, said) == (b"1234", b"The step was cancelled.")
    assert mark.startswith(b"##[warning]This log reached its limit of 10 bytes")
    assert desk.dropped_bytes() == 26
    assert desk.writer.resume_offset(0) == 36


def test_what_the_engine_says_is_masked_and_on_a_line_of_its_own(desk: Desk) -> None:
    desk.print(b"half: ")
    desk.pump.say("pulling with tok-1")
    assert desk.end() == b"half: \npulling with ***\n"


def test_steps_keep_apart_what_they_hold(desk: Desk, tmp_path: Path) -> None:
    other = os.open(tmp_path / "raw2", os.O_RDWR | os.O_CREAT)
    desk.print(b"to")
    os.write(other, b"k-1\n")
    desk.pump.pump(1, other)
    desk.print(b"k-1\n")
    assert desk.end() == b"k-1\n***\n"


def test_raw_output_that_is_logged_can_be_discarded(desk: Desk) -> None:
    desk.print(b"::set-output name=a::b\n" + b"line\n" * 40_000)
    assert desk.pump.consumed(0) == 200_023
    if not discard(desk.raw, desk.pump.consumed(0)):
        pytest.skip("no hole punching here")
    assert os.fstat(desk.raw).st_blocks * 512 < 20_000
    desk.close()
    desk.open()
    desk.print(b"::set-output name=c::d\nend\n")
    assert desk.pump.commands(0).outputs == {"a": "b", "c": "d"}
    assert desk.end().endswith(b"line\nend\n")


PIECES = (
    rb"plain\n|tok-1|tok-|1\n|two\n|lines\n|ab|ba|a|\r|\n|\r\n|  |:|::|#|#[warning]w\n|err|\xff\xfe|::what::ever\n"
    rb"|::error::tok-1 x\n|::group::g\n|##[endgroup]\n|::add-mask::plain\n|::add-mask::\xff\xfe\n|::debug::d\n"
    rb"|::add-matcher::m\n|::remove-matcher owner=two::\n|  tok-1\n"
    rb"|::stop-commands::q\n|::q::\n|::set-output name=a::1\n|::set-output name=b::tok-1\n|::echo::on\r\n"
)
LINES = st.sampled_from([piece.decode("unicode_escape").encode("latin-1") for piece in PIECES.split(b"|")])


Seen = tuple[bytes, CommandStream, set[str], int, dict[str, Any]]


def scene(limit: int, act: Callable[[Desk], bytes]) -> Seen:
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), limit)
        log = act(desk)
        stream, values, dropped = desk.pump.commands(0), desk.mask._values, desk.dropped_bytes()
        desk.close()
        os.close(desk.raw)
        return log, stream, values, dropped, desk.matchers.state()


@settings(deadline=None, max_examples=150)
@given(
    st.lists(LINES, max_size=30),
    st.lists(st.integers(0, 400), max_size=15),
    st.dictionaries(st.integers(0, 15), st.floats(0, 1)),
    st.sampled_from([1 << 30, 60]),
)
def test_a_killed_pump_is_taken_up_with_nothing_lost_or_doubled(
    lines: list[bytes], cuts: list[int], kills: dict[int, float], limit: int
) -> None:
    raw = b"".join(lines)
    borders = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})

    def at_once(desk: Desk) -> bytes:
        desk.print(raw)
        return desk.end()

    def in_pieces(desk: Desk) -> bytes:
        for number, (start, end) in enumerate(pairwise(borders)):
            before = desk.sizes()
            desk.print(raw[start:end])
            if number in kills:
                desk.kill_in_the_middle(before, kills[number])
        return desk.end()

    whole, pieces = scene(limit, at_once), scene(limit, in_pieces)
    assert pieces[0] == whole[0]
    assert pieces[2:] == whole[2:]
    for name in ("annotations", "outputs", "failure", "_token", "_echo", "_warned"):
        assert getattr(pieces[1], name) == getattr(whole[1], name)


def test_a_line_that_a_problem_matcher_knows_is_marked_and_kept_with_its_place(desk: Desk) -> None:
    desk.print(b"plain\n::add-matcher::m\nxy")
    desk.print(b"z\n  x tok-1\n")
    shown = desk.end()
    assert shown.endswith(b"xyz\n##[error]  x ***\n")
    (note,) = desk.pump.commands(0).annotations
    assert (note.message, note.file, note.log_start) == ("x ***", "xyz", shown.index(b"##[error]"))


def test_a_prompt_waits_for_its_end_only_while_a_matcher_looks(desk: Desk) -> None:
    desk.print(b"::add-matcher::m\nName: ")
    assert not desk.log.read_bytes().endswith(b"Name: ")
    desk.print(b"x\n::remove-matcher::m\nName: ")
    assert desk.log.read_bytes().endswith(b"Name: ")


def test_a_secret_of_several_lines_is_shown_to_no_matcher_and_hidden_as_a_whole(desk: Desk) -> None:
    secret = "{\n  plainest-of-keys-0123456789-abcdefghijkl-0123456789-abcdefghijkl-0123456789\n  b\n}"
    secret += "}" * (-len(secret) % 3)
    code = "\n".join(textwrap.wrap(base64.b64encode(secret.encode()).decode(), 76))
    desk.mask.add(secret)
    desk.print(b"::add-matcher::m\n")
    for part in textwrap.wrap(f"{code}|{secret}|plain".replace("\n", "|"), 7, drop_whitespace=False):
        desk.print(part.replace("|", "\n").encode())
    shown = desk.end()
    assert shown.endswith(b"***\n***\n##[error]plain\n")
    assert [note.message for note in desk.pump.commands(0).annotations] == ["plain"]


def test_a_line_too_long_for_a_tool_is_shown_to_no_matcher_however_it_arrives(desk: Desk) -> None:
    desk.print(b"::add-matcher::m\n")
    for line in (b"plain" + b"x" * LINE_LIMIT_BYTES, b"plain" + b"x" * (LINE_LIMIT_BYTES - 5)):
        desk.print(line[:9])
        desk.print(line[9:])
        desk.print(b"\n")
    assert len(desk.pump.commands(0).annotations) == 1
    assert desk.end().count(b"##[error]") == 1


def test_a_torn_index_record_is_taken_back(desk: Desk) -> None:
    desk.print(b"one\n")
    with index_path(desk.log).open("ab") as index:
        index.write(b"\1" * (SIZE // 2))
    desk.close()
    desk.open()
    desk.print(b"two\n")
    assert desk.end() == b"one\ntwo\n"


CHILD = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from engine.store.logs.writer import LogWriter
from engine.worker.log import pump as log_pump
from engine.worker.log.commands import CommandStream
from engine.worker.log.secrets_mask import Mask

log_pump.CHUNK_BYTES = log_pump.ROUND_BYTES = 5000
folder, mask = Path(sys.argv[1]), Mask(["tok-1"])
writer, raw = LogWriter(folder / "1-1.log", 1 << 30), os.open(folder / "raw", os.O_RDONLY)
now = lambda: datetime(2025, 1, 1, tzinfo=UTC)
pump = log_pump.LogPump(writer, mask, lambda _: CommandStream(hide=mask.text), now, folder / "commands")
while pump.pump(0, raw):
    os.write(1, b".")
pump.finish(0, raw)
"""


def test_a_process_killed_again_and_again_leaves_the_same_log_as_one_that_was_not(tmp_path: Path) -> None:
    lines = (f"::notice::{n}\n{n} tok-1 tok-{n}\n::add-mask::mask{n % 40}x\nmask{n % 50}x\n" for n in range(8_000))
    raw = "".join(lines).encode()
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "raw").write_bytes(raw)
    for chunks in (1, 9, 25, 31):
        child = subprocess.Popen([sys.executable, "-c", CHILD, tmp_path / "killed"], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert len(child.stdout.read(chunks)) == chunks
        child.kill()
        child.communicate()
    for name in ("killed", "whole"):
        subprocess.run([sys.executable, "-c", CHILD, tmp_path / name], check=True, stdout=subprocess.DEVNULL)
    shown = (tmp_path / "killed" / "1-1.log").read_bytes()
    assert shown == (tmp_path / "whole" / "1-1.log").read_bytes()
    assert shown.count(b"##[notice]") == 8_000
