"""The laws of what a job's `uses:` names."""

import pytest

from pipelines.called import Called, WorkflowRef, parse_workflow_ref
from pipelines.parse import parse_workflow


def test_a_called_workflow_is_a_file_here_or_elsewhere() -> None:
    assert parse_workflow_ref("./.github/workflows/x.yml") == WorkflowRef(".github/workflows/x.yml")
    elsewhere = parse_workflow_ref("Owner/Repo/.github/workflows/x.yaml@v1")
    assert elsewhere == WorkflowRef(".github/workflows/x.yaml", "owner/repo", "v1")
    assert elsewhere.address == "owner/repo/.github/workflows/x.yaml@v1"


@pytest.mark.parametrize(
    "uses", ["owner/repo@v1", "./x.sh", "../x.yml", "x.yml", "owner/repo/x.yml", "docker://x", "", "./a/../../b.yml"]
)
def test_what_names_no_workflow_is_refused(uses: str) -> None:
    with pytest.raises(ValueError, match=r"names no|neither|leads out"):
        parse_workflow_ref(uses)


def test_a_path_within_a_remote_workflow_is_of_its_repository() -> None:
    text = "on: workflow_call\njobs: {a: {runs-on: x}}"
    called = Called(WorkflowRef("a.yml", "acme/ci", "v1"), parse_workflow(text, "a"))
    assert WorkflowRef("b.yml").within(called).address == "acme/ci/b.yml@v1"
    assert WorkflowRef("b.yml", "other/one", "v2").within(called).address == "other/one/b.yml@v2"
    assert WorkflowRef("b.yml").within(None).address == "b.yml"
