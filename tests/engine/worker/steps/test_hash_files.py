"""hashFiles(), worked out by the tools of this machine and by those of a small image."""

import hashlib
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.works import Works

MAKE = """
mkdir -p a/deep a-b .hid 'sp ace'
for f in a/1 a/deep/2 a-b/3 a.txt .hid/4 'sp ace/5'; do printf %s "$f" > "$f"; done
ln -s a/1 link; ln -s a folder; ln -s nowhere broken
"""
CASES: dict[str, Sequence[str]] = {
    "'**'": (".hid/4", "a/1", "a/deep/2", "a-b/3", "a.txt", "a/1", "sp ace/5"),
    "'a/**'": ("a/1", "a/deep/2"),
    "'a/1'": ("a/1",),
    "'a.txt', 'a-b/*'": ("a-b/3", "a.txt"),
    "format('a/**{0}!**/2', vars.NL)": ("a/1",),
    "'li*'": ("a/1",),
    "'sp ace/5'": ("sp ace/5",),
    "'nothing/**'": (),
    "'/etc/**'": (),
}


def digest(contents: Sequence[str]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(text.encode()).digest() for text in contents)).hexdigest()


def answers(works: "Works", prepare: str) -> dict[str, str]:
    """Return what each case gives after `prepare` has made the files."""
    shows = "".join(f'- run: echo "> ${{{{ hashFiles({case}) }}}}"\n' for case in CASES)
    ended = works.run(f"steps:\n- run: |\n{textwrap.indent(prepare, '    ')}{shows}", variables={"NL": "\n"})
    assert ended.status == "success", ended.log()
    return dict(zip(CASES, ended.said(), strict=True))


EXPECTED = {case: digest(files) if files else "" for case, files in CASES.items()}


def test_the_digest_is_that_of_the_files_in_the_order_of_a_walk(works: "Works") -> None:
    assert answers(works, MAKE) == EXPECTED


@pytest.mark.docker
def test_a_small_image_gives_the_same_digests(docker_works: "Works") -> None:
    assert answers(docker_works, MAKE) == EXPECTED


def test_a_name_may_hold_anything(works: "Works") -> None:
    ended = works.run("""
        steps:
          - run: printf 1 > "$(printf 'a\\nb')"; printf 2 > "$(printf 'a\\rb')"; printf 3 > 'a\\b'; printf 4 > -n
          - run: echo "> ${{ hashFiles('**') }}"
        """)
    assert ended.said() == [digest("4123")]


def test_a_condition_and_an_environment_may_ask_for_it(works: "Works") -> None:
    works.write({"lock": "1"})
    ended = works.run("""
        steps:
          - uses: actions/checkout@v4
          - if: hashFiles('lock') != '' && env.KEY != ''
            env: {KEY: "${{ hashFiles('lock') }}"}
            run: echo "> $KEY"
          - if: hashFiles('gone') != ''
            run: echo "> never"
        """)
    assert ended.said() == [digest("1")]


def test_a_pattern_that_cannot_be_searched_fails_the_step(works: "Works") -> None:
    ended = works.run("steps:\n  - run: echo ${{ hashFiles('a/../b') }}")
    assert ended.errors() == [
        "`run` cannot be worked out: hashFiles: The pattern 'a/../b' may not go through '.' or '..'."
    ]
