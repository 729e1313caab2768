import pytest

from engine.worker.commands import KEPT_ANNOTATIONS, Annotation, Command, CommandStream, parse


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


def test_problem_matchers_are_said_to_be_unsupported_once() -> None:
    stream = CommandStream()
    assert stream.line("::add-matcher::.github/eslint.json") != []
    assert stream.line("::remove-matcher owner=eslint::") == []
    assert len(stream.annotations) == 1


def test_echo_shows_the_commands_that_show_nothing_else() -> None:
    stream = CommandStream()
    stream.line("::echo::on")
    assert stream.line("::group::g") == ["::group::g", "##[group]g"]
    assert stream.line("::error::e") == ["##[error]e"]
