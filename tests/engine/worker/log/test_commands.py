import pytest

from engine.worker.log.commands import (
    COMMANDS_LIMIT,
    KEPT_ANNOTATIONS,
    LONGEST_MESSAGE,
    Annotation,
    Command,
    CommandStream,
    parse,
)
from engine.worker.log.problem_matchers import MatcherError


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("::group::a::endgroup::", Command("group", {}, "a::endgroup::")),
        ("\t ::Error FILE=a b.js,line=1::x", Command("error", {"file": "a b.js", "line": "1"}, "x")),
        ("::warning  file=a ,col=2::x", Command("warning", {"file": "a ", "col": "2"}, "x")),
        ("::error file=,=x,y,title=a%3Ab%2Cc::%250A%0D%0A", Command("error", {"title": "a:b,c"}, "%0A\r\n")),
        ("::error title==b=::x", Command("error", {"title": "b="}, "x")),
        ("##[error file=a;line=2]a%0Ab%5D%3B", Command("error", {"file": "a", "line": "2"}, "a\nb];")),
        ("##[group]", Command("group", {}, "")),
        ("::add-mask::", Command("add-mask", {}, "")),
        ("::unknown::x", None),
        ("##[section]x", None),
        ("x ::error::y", None),
        (":error::x", None),
        ("::error x", None),
        ("::error", None),
        (":: error::x", None),
        ("::::x", None),
        ("", None),
    ],
)
def test_a_line_is_read_as_the_official_runner_reads_it(line: str, command: Command | None) -> None:
    assert parse(line) == command


def test_an_annotation_keeps_its_place_and_shows_its_message() -> None:
    stream = CommandStream(hide=lambda text: text.replace("hush", "***"))
    assert stream.line("::error file=a.c,line=3,endLine=x,col=-1,title=T hush::one%0Atwo hush") == [
        "##[error]one",
        "two hush",
    ]
    assert stream.annotations == [Annotation("error", "one\ntwo ***", "T ***", "a.c", 3)]
    assert not stream.failure


def test_only_the_first_annotations_of_a_level_are_kept() -> None:
    stream = CommandStream()
    for number in range(KEPT_ANNOTATIONS + 5):
        assert stream.line(f"::notice::{number}") == [f"##[notice]{number}"]
    assert (len(stream.annotations), stream.dropped_annotations) == (KEPT_ANNOTATIONS, 5)
    stream.line("::error::still")
    assert stream.annotations[-1].message == "still"


def test_nothing_but_the_token_ends_stopped_commands() -> None:
    stream = CommandStream()
    assert stream.line("::stop-commands::End-1") == ["::stop-commands::End-1"]
    assert stream.line("::set-output name=a::b") is None
    assert stream.line("::stop-commands::other") is None
    assert stream.line("::end-1::") == ["::end-1::"]
    assert stream.line("::End-1::") is None
    assert stream.line("::group::g") == ["##[group]g"]
    assert stream.outputs == {}


@pytest.mark.parametrize("token", ["", "error", "Pause-Logging"])
def test_a_token_that_anyone_would_print_is_refused(token: str) -> None:
    stream = CommandStream()
    stream.line(f"::stop-commands::{token}")
    assert stream.failure
    assert stream.line("::group::g") == ["##[group]g"]


def test_a_mask_is_noted_and_its_line_never_shown() -> None:
    stream = CommandStream()
    assert stream.line("::add-mask::hunter2") == []
    assert stream.line("::echo::ON") == []
    assert stream.line("::add-mask::hunter3") == ["::add-mask::***"]
    assert stream.masks == ["hunter2", "hunter3"]
    stream.line("::add-mask:: ")
    assert stream.masks == ["hunter2", "hunter3"]
    assert stream.annotations[-1].level == "warning"


def test_debug_lines_show_only_when_asked_for() -> None:
    assert CommandStream().line("::debug::x") == []
    assert CommandStream(debug=True).line("::debug::x") == ["##[debug]x"]


def test_commands_are_echoed_while_debugging_until_told_otherwise() -> None:
    stream = CommandStream(debug=True)
    assert stream.line("::group::g") == ["::group::g", "##[group]g"]
    stream.line("::echo::off")
    assert stream.line("::group::g") == ["##[group]g"]


def test_deprecated_commands_work_and_warn_once() -> None:
    stream = CommandStream()
    assert stream.line("::set-output name=a::1") != []
    assert stream.line("::set-output name=b::2") == []
    stream.line("::save-state name=s::3")
    assert (stream.outputs, stream.state) == ({"a": "1", "b": "2"}, {"s": "3"})
    assert [note.level for note in stream.annotations] == ["warning", "warning"]
    assert not stream.failure


@pytest.mark.parametrize("line", ["::set-env name=LD_PRELOAD::/evil.so", "::add-path::/evil"])
def test_changing_later_steps_by_printing_is_refused_unless_allowed(line: str) -> None:
    strict, lax = CommandStream(), CommandStream(allow_unsecure=True)
    assert strict.line(line) == [f"##[error]{strict.failure}"]
    assert (strict.env, strict.paths) == ({}, [])
    assert lax.line(line) == []
    assert lax.env or lax.paths
    assert not lax.failure


@pytest.mark.parametrize("line", ["::echo::maybe", "::set-output::x", "::save-state name=::x"])
def test_a_command_that_makes_no_sense_fails_the_step(line: str) -> None:
    stream = CommandStream()
    stream.line(line)
    assert stream.failure
    assert stream.annotations[0].level == "error"


MATCHER = b"""{"problemMatcher": [{"owner": "Lint", "pattern": [
  {"regexp": "^(\\\\w): (.*)$", "file": 1, "message": 2}]}]}"""


def files(path: str) -> bytes:
    if path != "lint.json":
        raise MatcherError("there is no such file")
    return MATCHER


def test_a_problem_matcher_makes_annotations_until_it_is_removed() -> None:
    stream = CommandStream(hide=lambda text: text.replace("hush", "***"), read=files)
    assert stream.line("a: before") is None
    assert stream.line("::add-matcher::lint.json") != []
    assert stream.line("no problem") is None
    assert stream.line("a: \x1b[31mbad hush") == ["##[error]a: bad ***"]
    assert stream.annotations == [Annotation("error", "bad ***", file="a")]
    assert stream.line("b: too long", whole=False) is None
    assert stream.line("::stop-commands::T1") is not None
    assert stream.line("b: also then") == ["##[error]b: also then"]
    stream.line("::T1::")
    assert stream.line("::remove-matcher owner=LINT::") == ["Removed problem matchers: Lint."]
    assert stream.line("::remove-matcher owner=LINT::") == []
    assert stream.line("a: after") is None
    assert not stream.failure


def test_a_matcher_is_removed_by_its_file_as_well() -> None:
    stream = CommandStream(read=files)
    stream.line("::add-matcher::lint.json")
    assert stream.line("::remove-matcher::lint.json") == ["Removed problem matchers: Lint."]


@pytest.mark.parametrize("line", ["::add-matcher::other.json", "::remove-matcher::other.json"])
def test_a_matcher_that_cannot_be_read_fails_the_step(line: str) -> None:
    stream = CommandStream(read=files)
    assert stream.line(line) == [f"##[error]{stream.failure}"]
    assert "other.json" in stream.failure


@pytest.mark.parametrize("line", ["::add-matcher::", "::remove-matcher::", "::remove-matcher owner=a::b"])
def test_a_matcher_command_without_sense_is_a_warning(line: str) -> None:
    stream = CommandStream(read=files)
    stream.line(line)
    assert [note.level for note in stream.annotations] == ["warning"]
    assert not stream.failure


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("line=3,endLine=4,col=5", (3, 4, None, None)),
        ("endLine=4", (4, 4, None, None)),
        ("line=4,endLine=3", (None, None, None, None)),
        ("col=5", (None, None, None, None)),
        ("line=1,endColumn=7", (1, None, 7, 7)),
        ("line=1,col=7,endColumn=5", (1, None, None, None)),
        ("line=1,endLine=1,col=2,endColumn=3", (1, 1, 2, 3)),
    ],
)
def test_a_place_that_contradicts_itself_is_left_out(given: str, kept: tuple[int | None, ...]) -> None:
    stream = CommandStream()
    stream.line(f"::error {given}::x")
    note = stream.annotations[0]
    assert (note.line, note.end_line, note.column, note.end_column) == kept


def test_echo_shows_the_commands_that_show_nothing_else() -> None:
    stream = CommandStream()
    stream.line("::echo::on")
    assert stream.line("::group::g") == ["::group::g", "##[group]g"]
    assert stream.line("::error::e") == ["##[error]e"]


def test_a_script_whose_commands_are_too_much_fails_and_shows_none_of_those_that_follow() -> None:
    streams = CommandStream(), CommandStream()
    line = f"::set-output name=x::{'v' * (1 << 19)}"
    entries, shown = [], []
    for number in range(COMMANDS_LIMIT // len(line) + 3):
        shown.append(streams[0].line(f"{line}{number}"))
        if streams[0].changed:
            entries.append(streams[0].entry(f"{line}{number}"))
    assert "no other is heeded" in streams[0].failure
    assert shown[-1] == [] and len(entries) < len(shown)
    assert streams[0].line("::add-mask::not to be seen") == []
    assert streams[0].masks == []
    assert streams[0].line("::group::still") == ["##[group]still"]
    for entry in entries:
        streams[1].replay(entry)
    assert (streams[1].failure, streams[1].outputs) == (streams[0].failure, streams[0].outputs)


def test_an_annotation_has_an_end_that_the_log_has_not() -> None:
    stream = CommandStream()
    [line] = stream.line(f"::error::{'x' * 100_000}") or []
    assert len(line) > 100_000
    assert len(stream.annotations[0].message) == LONGEST_MESSAGE
