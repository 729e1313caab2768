"""The laws of triggers."""

from collections.abc import Mapping

import pytest

from pipelines.errors import Place
from pipelines.model import Trigger
from pipelines.triggers import TriggerEvent, fires, skip_word


def on(event: str, **filters: list[str]) -> Trigger:
    named: Mapping[str, tuple[str, ...]] = {key.replace("_", "-"): tuple(value) for key, value in filters.items()}
    return Trigger(event, Place(1, 1), named)


def push(branch: str | None = "main", tag: str | None = None, **more: object) -> TriggerEvent:
    return TriggerEvent("push", branch=None if tag else branch, tag=tag, **more)  # type: ignore[arg-type]


def pull(action: str = "opened", base: str = "main", **more: object) -> TriggerEvent:
    return TriggerEvent("pull_request", action=action, branch="topic", base_branch=base, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trigger", "event", "runs", "words"),
    [
        (on("push"), push(), True, "push, without a filter"),
        (on("push"), push(tag="v1"), True, "push, without a filter"),
        (on("push"), pull(), False, "on: does not name pull_request, only push"),
        (on("push"), push(deleted=True), False, "deletes its ref"),
        (on("push", branches=["main"]), push(), True, "branches has 'main' for the branch main"),
        (on("push", branches=["main"]), push("dev"), False, "branches does not match the branch dev"),
        (on("push", branches=["**", "!dev"]), push("dev"), False, "branches has '!dev' for the branch dev"),
        (on("push", branches=["main"]), push(tag="main"), False, "only branches is filtered, and main is a tag"),
        (on("push", branches_ignore=["wip"]), push(tag="v1"), False, "only branches-ignore is filtered"),
        (on("push", tags=["v*"]), push(), False, "only tags is filtered, and main is a branch"),
        (on("push", branches=["main"], tags=["v*"]), push(tag="v1"), True, "tags has 'v*' for the tag v1"),
        (on("push", tags_ignore=["v*"]), push(tag="v1"), False, "tags-ignore has 'v*' for the tag v1"),
        (on("push", branches_ignore=["wip"]), push(), True, "branches-ignore does not match the branch main"),
        (on("push", paths=["src/**"]), push(changed_files=("a", "src/b")), True, "paths has 'src/**' for src/b"),
        (on("push", paths=["src/**"]), push(changed_files=("a", "b")), False, "any of the 2 changed files: a, b"),
        (on("push", paths=["src/**"]), push(changed_files=("a",)), False, "paths does not match a"),
        (on("push", paths=["src/**"]), push(changed_files=()), False, "no file changed"),
        (on("push", paths=["src/**"]), push(changed_files=None), True, "not known"),
        (on("push", paths=["src/**"]), push(tag="v1", changed_files=("a",)), True, "without a filter"),
        (on("push", paths_ignore=["**.md"]), push(changed_files=("a.md",)), False, "paths-ignore has '**.md' for a.md"),
        (on("push", paths_ignore=["**.md"]), push(changed_files=("a.md", "b")), True, "paths-ignore does not match b"),
        (on("push"), push(message="fix [skip ci]"), False, "says [skip ci]"),
        (on("workflow_dispatch"), TriggerEvent("workflow_dispatch", message="[skip ci]"), True, "workflow_dispatch"),
        (on("pull_request"), pull(), True, "without a filter"),
        (on("pull_request"), pull("labeled"), False, "labeled is none of the default types"),
        (on("pull_request_target"), TriggerEvent("pull_request_target", action="closed"), False, "default types"),
        (on("pull_request", types=["labeled"]), pull("labeled"), True, "types names labeled"),
        (on("pull_request", types=["labeled"]), pull(), False, "types does not name the action opened"),
        (on("pull_request", branches=["main"]), pull(base="dev"), False, "the base branch dev"),
        (on("pull_request", branches=["topic"]), pull(), False, "the base branch main"),
        (on("release", types=["published"]), TriggerEvent("release", action="edited", tag="v1"), False, "edited"),
        (on("schedule", cron=["0 0 * * *"]), TriggerEvent("schedule", cron="0 0 * * *"), True, "came due"),
        (on("schedule", cron=["0 0 * * *"]), TriggerEvent("schedule", cron="1 0 * * *"), False, "not in its schedule"),
        (on("workflow_run", workflows=["CI"]), TriggerEvent("workflow_run", workflow="CI"), True, "has 'CI' for CI"),
        (on("workflow_run", workflows=["CI"]), TriggerEvent("workflow_run", workflow="X"), False, "does not name X"),
    ],
)
def test_the_verdict_names_the_filter_that_decided(
    trigger: Trigger, event: TriggerEvent, runs: bool, words: str
) -> None:
    verdict = fires((trigger,), event)
    assert verdict.runs is runs
    assert words in verdict.reason


def test_one_trigger_that_fires_is_enough() -> None:
    events = (on("pull_request"), on("schedule", cron=["0 1 * * *"]), on("schedule", cron=["0 2 * * *"]))
    assert fires(events, TriggerEvent("schedule", cron="0 2 * * *")).runs
    assert fires((), push()).reason == "on: names no event"


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("fix [skip ci] it", "[skip ci]"),
        ("[CI SKIP]", "[ci skip]"),
        ("a\n\nbody [no ci]", "[no ci]"),
        ("a [actions skip]", "[actions skip]"),
        ("a\n\n\nskip-checks: true", "skip-checks: true"),
        ("a\n\nSigned-off-by: b\nskip-checks:true\n", "skip-checks: true"),
        ("skip-checks: true in the middle\nmore", None),
        ("fix skip ci", None),
        ("[skip-ci]", None),
    ],
)
def test_only_the_documented_words_skip(message: str, word: str | None) -> None:
    assert skip_word(message) == word
