"""setup-python and its like: satisfied by what is there, refused with what to change."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.engine import executors_of
from tests.engine.works import Works


def tool(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in front of PATH with tools of known versions."""
    folder = tmp_path / "tools"
    tool(folder, "node", "v20.9.0")
    tool(folder, "go", "go version go1.22.1 linux/amd64")
    tool(folder, "java", 'openjdk version "17.0.9" 2023-10-17')
    tool(folder, "python3.7", "Python 3.7.17")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_a_tool_of_the_wanted_version_is_taken_with_a_notice(tools: Path, works: Works) -> None:
    ended = works.run("""
        steps:
          - id: n
            uses: actions/setup-node@v4
            with: {node-version: 20.x, cache: npm}
          - id: g
            uses: actions/setup-go@v5
            with: {go-version: ">=1.21"}
          - id: j
            uses: actions/setup-java@v4
            with: {java-version: "17", distribution: temurin}
          - run: |
              echo "> ${{ steps.n.outputs.node-version }} ${{ steps.g.outputs.go-version }}"
              echo "> ${{ steps.j.outputs.version }}"
              echo "> ${JAVA_HOME##*/} $(node --version)"
        """)
    assert ended.said() == ["20.9.0 1.22.1", "17.0.9", f"{tools.parent.name} v20.9.0"], ended.log()
    notices = [message for level, message in ended.annotations() if level == "notice"]
    assert notices[0] == f"Node.js 20.9.0 is here already ({tools}/node): nothing is installed."
    assert ended.warnings() == [
        "actions/setup-node: `cache` is not honoured: keep what is downloaded with actions/cache.",
        "actions/setup-java: `distribution` is not honoured: the one of the image is taken as it is.",
    ]


def test_a_python_of_another_name_gets_the_names_that_people_use(tools: Path, works: Works) -> None:
    ended = works.run("""
        steps:
          - uses: actions/setup-python@v5
            with: {python-version: "3.7"}
          - run: echo "> $(python --version) $(python3 --version)"
        """)
    assert ended.said() == ["Python 3.7.17 Python 3.7.17"], ended.log()


def test_a_tool_that_is_not_there_is_refused_with_what_to_change(tools: Path, works: Works) -> None:
    ended = works.run("steps: [{uses: actions/setup-node@v4, with: {node-version: 18}}]")
    [error] = ended.errors()
    assert error.startswith("Node.js 18 is not in the image of this job: it has only 20.9.0")
    assert "`labels:` in treadle.yml" in error
    assert ended.statuses == {"a": "failed"}


def test_the_version_may_stand_in_a_file(tools: Path, works: Works) -> None:
    works.write({".nvmrc": "v20\n"})
    ended = works.run("""
        steps:
          - uses: actions/checkout@v4
          - id: n
            uses: actions/setup-node@v4
            with: {node-version-file: .nvmrc}
          - run: echo "> ${{ steps.n.outputs.node-version }}"
        """)
    assert ended.said() == ["20.9.0"]


def test_the_action_itself_is_run_when_it_is_mirrored(tools: Path, tmp_path: Path, works: Works) -> None:
    works.action(
        "actions/setup-node", {"action.yml": "runs: {using: composite, steps: [{run: echo '> real', shell: sh}]}"}
    )
    works.stop()
    works.settings = replace(works.settings, actions={"actions/*": str(tmp_path / "mirrors/actions")})
    works.executors = executors_of(works.settings, works.store)
    works.start()
    ended = works.run("steps: [{uses: actions/setup-node@v1, with: {node-version: 18}}]")
    assert ended.said() == ["real"], ended.log()
