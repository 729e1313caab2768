"""actions/cache in jobs: what is kept when, what comes back, and what a step is told."""

from pathlib import Path

import pytest

from tests.engine.works import Works

CACHE = """
    steps:
      - id: c
        uses: actions/cache@v4
        with: {path: "%s", key: "%s", restore-keys: "deps-"}
      - run: |
          echo "> [${{ steps.c.outputs.cache-hit }}] $(cat cached/deep/f 2>/dev/null)"
          mkdir -p cached/deep; echo "%s" > cached/deep/f; ln -sf f cached/deep/link; chmod 755 cached/deep/f
          %s
    """


def test_what_a_job_that_succeeded_kept_comes_back(works: Works) -> None:
    first = works.run(CACHE % ("cached", "deps-1", "one", ""))
    assert first.said() == ["[] "]
    assert "Cache not found for input keys: deps-1, deps-" in first.log()
    assert "Cache saved with key: deps-1" in first.log()
    assert first.steps()[-1].name == "Post Run actions/cache@v4"
    again = works.run(
        CACHE % ("cached", "deps-1", "two", "ls -l cached/deep | grep -c -- '-> f' | sed 's/^/> links /'")
    )
    assert again.said() == ["[true] one", "links 1"]
    assert "Cache hit occurred on the primary key deps-1, not saving cache." in again.log()
    near = works.run(CACHE % ("cached", "deps-2", "three", ""))
    assert near.said() == ["[false] one"]
    assert works.run(CACHE % ("cached", "deps-2", "four", "")).said() == ["[true] three"]


def test_a_job_that_failed_keeps_nothing(works: Works) -> None:
    works.run(CACHE % ("cached", "deps-1", "one", "exit 1"))
    assert works.run(CACHE % ("cached", "deps-1", "two", "")).said() == ["[] "]


def test_other_paths_are_another_cache(works: Works) -> None:
    works.run(CACHE % ("cached", "deps-1", "one", ""))
    assert works.run(CACHE % ("cached/deep", "deps-1", "two", "")).said() == ["[] "]


def test_files_outside_of_the_workspace_and_patterns_are_kept(works: Works, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    text = """
        steps:
          - uses: actions/cache@v4
            with:
              key: k
              path: |
                %s
                **/made
                !skip/made
          - run: |
              echo "> $(cat %s/f a/made b/made skip/made 2>/dev/null | tr '\\n' ' ')"
              mkdir -p %s a b skip; echo out > %s/f; echo 1 > a/made; echo 2 > b/made; echo 3 > skip/made
        """ % ((str(outside),) * 4)  # fmt: skip
    assert works.run(text).said() == [""]
    (outside / "f").unlink()
    assert works.run(text).said() == ["out 1 2 "]


def test_restore_and_save_are_steps_of_their_own(works: Works) -> None:
    ended = works.run("""
        steps:
          - run: echo kept > file
          - uses: actions/cache/save@v4
            with: {path: file, key: k}
          - run: rm file
          - id: look
            uses: actions/cache/restore@v4
            with: {path: file, key: k, lookup-only: true}
          - run: |
              echo "> ${{ steps.look.outputs.cache-hit }} ${{ steps.look.outputs.cache-matched-key }} $(ls | wc -l)"
          - uses: actions/cache/restore@v4
            with: {path: file, key: nearly, restore-keys: k}
          - run: echo "> $(cat file)"
          - uses: actions/cache/save@v4
            with: {path: file, key: k}
          - uses: actions/cache/restore@v4
            with: {path: file, key: nothing, fail-on-cache-miss: true}
        """)
    assert ended.said() == ["true k 0", "kept"], ended.log()
    assert "The cache k is there already, and stays as it is" in ended.log()
    assert ended.ends()[-1] == "failed"
    assert "fail-on-cache-miss is set" in ended.errors()[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("path: x", "`key` is required"), ("key: k", "`path` is required"),
        ("path: x, key: 'a,b'", "cannot contain commas"), ("path: ../x, key: k", "may not go through"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_said(works: Works, given: str, words: str) -> None:
    ended = works.run(
        f"steps: [{{uses: actions/cache/restore@v4, with: {given if '{' in given else '{' + given + '}'}}}]"
    )
    assert words in ended.errors()[0]


def test_nothing_to_keep_is_a_warning(works: Works) -> None:
    ended = works.run("steps: [{uses: actions/cache@v4, with: {path: nothing, key: k, enableCrossOsArchive: true}}]")
    assert ended.status == "success"
    assert ended.warnings()[0].startswith("actions/cache: `enablecrossosarchive` is not honoured")
    assert "Path Validation Error" in ended.warnings()[1]


def test_a_damaged_cache_is_a_miss(works: Works) -> None:
    works.run(CACHE % ("cached", "deps-1", "one", ""))
    assert works.engine is not None
    for blob in works.engine.caches.blobs.list():
        blob.path.write_bytes(b"?")
    ended = works.run(CACHE % ("cached", "deps-1", "two", ""))
    assert ended.said() == ["[] "]
    assert "It is thrown away." in ended.warnings()[0]
    assert works.run(CACHE % ("cached", "deps-1", "three", "")).said() == ["[true] two"]


@pytest.mark.docker
def test_a_box_keeps_and_gets_back_its_files_with_its_own_tools(docker_works: Works) -> None:
    text = """
        steps:
          - uses: actions/cache@v4
            with: {path: "~/.store\\ncached", key: k}
          - run: |
              echo "> $(cat ~/.store/f cached/f 2>/dev/null | tr '\\n' ' ')"
              mkdir -p ~/.store cached; echo home > ~/.store/f; echo work > cached/f
        """
    first = docker_works.run(text)
    assert "Cache saved" in first.log(), first.log()
    assert docker_works.run(text).said() == ["home work "]
