"""The laws of tools' versions: what a range takes, and what files say."""

import pytest

from pipelines.tool_versions import VersionError, satisfies, version_of


@pytest.mark.parametrize(
    ("wanted", "taken", "left"),
    [
        ("3", "3.11.4", "2.7.18"), ("3.11", "3.11.4", "3.1.1"), ("3.11", "3.11.4", "3.12.0"), ("3.x", "3.9.1", "4.0"),
        ("3.11.4", "3.11.4", "3.11.5"), (">=3.9", "3.10.1", "3.8.9"), (">=3.9 <3.12", "3.11.9", "3.12.0"),
        (">=3.9, <4", "3.11", "4.0.0"), ("^20.1", "20.9.0", "21.0.0"), ("^20.1", "20.1.0", "20.0.9"),
        ("~1.2.3", "1.2.9", "1.3.0"), ("18 || 20", "20.1.0", "19.0.0"), ("1.2 - 1.4", "1.4.7", "1.5.0"),
        ("v20", "20.1.0", "2.0.1"), ("^0.2.3", "0.2.9", "0.3.0"), (">1.2", "1.3.0", "1.2.9"),
        ("~> 3.1", "3.2.0", "4.0"),
    ],
)  # fmt: skip
def test_a_range_takes_what_it_says(wanted: str, taken: str, left: str) -> None:
    assert satisfies(taken, wanted)
    assert not satisfies(left, wanted)


@pytest.mark.parametrize("wanted", ["pypy3.10", "lts/hydrogen", "three", ">="])
def test_what_is_no_range_is_said(wanted: str) -> None:
    with pytest.raises(VersionError):
        satisfies("3.11.4", wanted)


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        (".python-version", "# ours\n3.11.4\n", "3.11.4"), (".nvmrc", "v20\n", "v20"),
        (".ruby-version", "3.2.2", "3.2.2"),
        ("go.mod", "module x\n\ngo 1.21\n", "1.21"), ("go.mod", "go 1.21\ntoolchain go1.22.1\n", "1.22.1"),
        (".tool-versions", "elixir 1.1\nnodejs 20.1.0\n", "20.1.0"),
        ("package.json", '{"engines":{"node":">=18"}}', ">=18"),
        ("package.json", '{"engines":{"node":">=18"},"volta":{"node":"20.1.0"}}', "20.1.0"),
        ("global.json", '{"sdk":{"version":"8.0.100"}}', "8.0.100"),
        ("pyproject.toml", '[project]\nrequires-python = ">=3.11"\n', ">=3.11"),
    ],
)  # fmt: skip
def test_a_file_names_a_version(name: str, text: str, version: str) -> None:
    assert version_of(name, text) == version


@pytest.mark.parametrize(
    ("name", "text"), [("package.json", "{"), ("go.mod", "x"), (".nvmrc", "\n"), ("global.json", "[]")]
)
def test_a_file_that_names_none_is_said(name: str, text: str) -> None:
    with pytest.raises(VersionError):
        version_of(name, text)
