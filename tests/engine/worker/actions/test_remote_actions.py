"""Actions of other repositories: fetched once, pinned in the run, seen by the box, told of in steps of their own."""

import subprocess
import threading
from pathlib import Path

import pytest

from engine.control.asks.retries import Again, retry
from engine.git.actions import ActionSources
from tests.engine.worker.conftest import settings_for
from tests.engine.works import Works

SAY = """
    name: Say
    inputs: {what: {default: something}}
    outputs: {said: {value: "${{ steps.say.outputs.x }}"}}
    runs:
      using: composite
      steps:
        - id: say
          shell: sh
          run: |
            echo "> ${{ inputs.what }} $(cat "$GITHUB_ACTION_PATH/word")"
            echo "x=$GITHUB_ACTION_REPOSITORY@$GITHUB_ACTION_REF" >> "$GITHUB_OUTPUT"
            touch "${{ github.action_path }}/beside"
    """


def names(works: Works, run_id: int, attempt: int = -1) -> list[str]:
    attempts = works.store.queries.attempts(works.job(run_id, "a").id)
    return [f"{step.name}: {step.status}" for step in works.store.queries.steps(attempts[attempt].id)]


def test_an_action_of_another_repository_is_fetched_in_a_step_of_its_own(works: Works) -> None:
    works.action("Acme/say", {"action.yml": SAY, "word": "one"})
    ended = works.run("""
        steps:
          - id: say
            uses: Acme/say@v1
            with: {what: told}
          - run: echo "> ${{ steps.say.outputs.said }}"
        """)
    assert ended.said() == ["told one", "Acme/say@v1"], ended.log()
    fetched = ["Fetch action Acme/say@v1: success"]
    assert names(works, ended.run_id) == [
        *fetched, "Run Acme/say@v1: success", 'Run echo "> Acme/say@v1": success',
    ]  # fmt: skip
    [(name, ref, sha)] = works.store.action_pins.list(ended.run_id)
    assert (name, ref) == ("acme/say", "v1")
    assert f"Commit {sha}, fetched in " in ended.log()
    step = ended.steps()[0]
    assert step.log_start is not None and step.log_end is not None
    assert "Commit" in ended.log()[step.log_start : step.log_end]


def test_an_action_may_lie_in_a_folder_and_be_named_by_branch_sha_or_address(works: Works) -> None:
    folder = works.action("acme/kit", {"deep/say/action.yaml": SAY, "deep/say/word": "one"})
    sha = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True).stdout.strip()
    works.action("acme/kit", {"deep/say/word": "two"}, "v2")
    ended = works.run(f"""
        steps:
          - uses: acme/kit/deep/say@{sha}
          - uses: acme/kit/deep/say@main
          - uses: https://code.example/acme/kit/deep/say@v1
        """)
    assert ended.said() == ["something one", "something two", "something one"], ended.log()


def test_what_an_action_uses_in_turn_is_fetched_before_anything_runs(works: Works) -> None:
    works.action("acme/inner", {"action.yml": SAY, "word": "inner"})
    outer = "runs: {using: composite, steps: [{uses: acme/inner@v1}]}"
    works.action("acme/outer", {"action.yml": outer})
    ended = works.run("steps: [{uses: acme/outer@v1}]")
    assert names(works, ended.run_id) == [
        "Fetch action acme/outer@v1: success", "Fetch action acme/inner@v1: success", "Run acme/outer@v1: success",
    ]  # fmt: skip
    assert ended.said() == ["something inner"]


def test_a_retry_runs_the_commit_that_the_run_began_with(works: Works) -> None:
    works.action("acme/say", {"action.yml": SAY, "word": "old"})
    ended = works.run("""
        retry: {max: 1, backoff: 0s}
        steps:
          - uses: acme/say@v1
          - run: echo ready; test "$TREADLE_ATTEMPT" -ge 2
        """)
    assert ended.said(attempt=1) == ended.said(attempt=2) == ["something old"]
    works.action("acme/say", {"word": "new"})
    retry(works.store, works.a_run(ended.run_id), Again(), "ada")
    works.bus.wake("schedule")
    works.until(
        lambda: works.a_run(ended.run_id).status == "success" and works.job(ended.run_id, "a").attempts == 3, ""
    )
    assert works.run("steps: [{uses: acme/say@v1}]").said() == ["something new"]
    assert ended.said(attempt=3) == ["something old"]


def test_an_action_that_cannot_be_had_fails_its_step_and_says_how_to_mirror_it(works: Works) -> None:
    ended = works.run("""
        steps:
          - run: echo "> never"
          - uses: acme/nowhere@v1
          - if: always()
            run: echo "> never"
        """)
    assert ended.said() == []
    assert names(works, ended.run_id)[0] == "Fetch action acme/nowhere@v1: failed"
    [error] = ended.errors()
    assert error.startswith("The action acme/nowhere@v1 is not here: ")
    assert "git clone --mirror https://github.com/acme/nowhere /srv/mirrors/acme/nowhere.git" in error
    assert '`actions: {"acme/nowhere": /srv/mirrors/acme/nowhere.git}` in treadle.yml.' in error
    assert ended.attempts()[0].reason == error


def test_a_ref_that_is_not_there_is_named_with_what_comes_near(works: Works) -> None:
    works.action("acme/say", {"action.yml": SAY}, "v10")
    ended = works.run("steps: [{uses: acme/say@v11}]")
    assert "has no branch or tag v11. Did you mean v10?" in ended.errors()[0]


def test_what_cannot_run_is_not_fetched(works: Works) -> None:
    ended = works.run("""
        steps:
          - if: github.ref_name == 'other'
            uses: acme/nowhere@v1
          - run: echo "> goes on"
        """)
    assert ended.said() == ["goes on"]
    assert ended.ends() == ["skipped", "success"]


def test_an_action_that_was_seen_once_is_there_when_its_repository_is_not(works: Works) -> None:
    folder = works.action("acme/say", {"action.yml": SAY, "word": "one"})
    assert works.run("steps: [{uses: acme/say@v1}]").status == "success"
    folder.rename(folder.with_name("moved"))
    ended = works.run("steps: [{uses: acme/say@v1}]")
    assert ended.said() == ["something one"], ended.log()
    assert "##[warning]v1 is taken as it was last seen, for " in ended.log()


def test_a_composite_action_here_may_use_one_from_elsewhere(works: Works) -> None:
    works.action("acme/say", {"action.yml": SAY, "word": "far"})
    works.write({"near/action.yml": "runs: {using: composite, steps: [{uses: acme/say@v1}]}"})
    ended = works.run("steps:\n  - uses: actions/checkout@v4\n  - uses: ./near")
    assert ended.said() == ["something far"]
    assert "##[group]Fetch action acme/say@v1" in ended.log()


def test_a_link_of_an_action_that_leads_out_of_it_is_not_read(works: Works, tmp_path: Path) -> None:
    (tmp_path / "secret.yml").write_text(SAY)
    folder = works.action("acme/sly", {"README": ""})
    (folder / "action.yml").symlink_to(tmp_path / "secret.yml")
    works.action("acme/sly", {"word": "x"})
    ended = works.run("steps: [{uses: acme/sly@v1}]")
    assert ended.errors()[0].startswith("acme/sly@v1 has no action.yml at commit ")


def test_two_that_want_the_same_at_once_fetch_once(tmp_path: Path) -> None:
    works = Works(tmp_path, settings_for(tmp_path))
    folder = works.action("acme/say", {"action.yml": SAY})
    sources = ActionSources(tmp_path / "sources")
    found = []

    def get() -> None:
        found.append(sources.get(str(folder), "v1"))

    threads = [threading.Thread(target=get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    works.close()
    assert len({files.folder for files in found}) == 1
    assert len(list((tmp_path / "sources/files").glob("*/*"))) == 1
    assert not sources.get(str(folder), "v1").fetched
    assert (found[0].folder / "action.yml").stat().st_mode & 0o222 == 0


@pytest.mark.docker
def test_a_box_sees_the_files_of_an_action_and_cannot_change_them(docker_works: Works) -> None:
    works = docker_works
    works.action("acme/say", {"action.yml": SAY, "word": "one"})
    ended = works.run("""
        steps:
          - uses: acme/say@v1
          - run: |
              cd /github/actions/acme/say/*
              echo "> $(cat word)"
              if echo x 2>/dev/null > word; then echo "> written"; fi
        """)
    assert ended.said() == ["something one", "one"], ended.log()
