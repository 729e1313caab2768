import pytest

from engine.worker.log.secrets_mask import Mask
from engine.worker.steps.file_commands import (
    SUMMARY_LIMIT_BYTES,
    FileCommandError,
    parse_env,
    parse_path,
    parse_values,
    read_summary,
)


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"", {}),
        (b"\n\n", {}),
        (b"A=1\nB=2", {"A": "1", "B": "2"}),
        (b"A=1\nA=2\n", {"A": "2"}),
        (b" A = 1 \n", {" A ": " 1 "}),
        (b"A=x=y\n", {"A": "x=y"}),
        (b'A="q" $HOME `x` %0A\n', {"A": '"q" $HOME `x` %0A'}),
        (b"A=1\r\n", {"A": "1\r"}),
        (b"A<<EOF\nx\ny\n\nEOF\n", {"A": "x\ny\n"}),
        (b"A<<EOF\nEOF\n", {"A": ""}),
        (b"A<<EOF\nx\nEOF", {"A": "x"}),
        (b"A<<EOF\nB=2\nC<<X\n EOF\nEOF\nD=3\n", {"A": "B=2\nC<<X\n EOF", "D": "3"}),
        (b"A<<EOF\r\nx\r\nEOF\r\n", {"A": "x\r"}),
        (b"A=1<<2\n", {"A": "1<<2"}),
        (b"A<<=\nx\n=\n", {"A": "x"}),
        (b"A<<<EOF\nx\n<EOF\n", {"A": "x"}),
        (b"\xef\xbb\xbfA=1\n", {"A": "1"}),
        ("A=ä\n".encode("utf-16"), {"A": "ä"}),
        (b"A=\xff\n", {"A": "�"}),
    ],
)
def test_values_are_read_as_the_official_runner_reads_them(content: bytes, values: dict[str, str]) -> None:
    assert parse_values(content) == values


@pytest.mark.parametrize(
    "content",
    [
        b"novalue\n",
        b"# comment\n",
        b"A=1\n   \n",
        b"A<<EOF\nx\n",
        b"A<<EOF",
        b"A<<\nx\n\n",
        b"<<EOF\nx\nEOF\n",
        b"=x\n",
    ],
)
def test_a_file_that_says_nothing_clear_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(FileCommandError, match=r"\.$"):
        parse_values(content)


def test_an_error_names_a_long_line_by_its_beginning_alone() -> None:
    with pytest.raises(FileCommandError) as caught:
        parse_values(b"x" * 100_000)
    assert len(caught.value.message()) < 200


def test_the_runners_own_variables_keep_their_value() -> None:
    change = parse_env(b"A=1\nGITHUB_SHA=x\nnode_options=--require x\nGITHUB_TOKEN=y\n", own={"GITHUB_SHA"})
    assert change.values == {"A": "1", "GITHUB_TOKEN": "y"}
    assert len(change.errors) == 2


def test_a_nul_cannot_enter_the_environment() -> None:
    with pytest.raises(FileCommandError):
        parse_env(b"A=x\0y\n")


def test_a_later_folder_goes_before_the_earlier_ones_and_only_once() -> None:
    assert parse_path(b"/a\n\n/b\r\n$HOME/c\n/a\n") == ["/a", "$HOME/c", "/b"]


def test_a_summary_may_fill_one_mebibyte() -> None:
    assert read_summary(b"") is None
    assert read_summary(b"x" * SUMMARY_LIMIT_BYTES) == "x" * SUMMARY_LIMIT_BYTES
    with pytest.raises(FileCommandError, match="1024 KiB"):
        read_summary(b"x" * (SUMMARY_LIMIT_BYTES + 1))


def test_a_secret_is_hidden_before_what_was_written_is_cut_short() -> None:
    mask = Mask(["it's-a-secret-of-many-characters"])
    with pytest.raises(FileCommandError) as caught:
        parse_values(b"x" * 70 + b"it's-a-secret-of-many-characters and more")
    assert "it's" in caught.value.message()
    assert "it's" not in caught.value.message(mask.text)
