"""The laws of `uses:`."""

import pytest

from pipelines.action_refs import ActionKind, ActionRef, parse_action_ref


@pytest.mark.parametrize(
    ("uses", "ref"),
    [
        ("actions/checkout@v4", ActionRef(ActionKind.BUILT_IN, "actions/checkout", ".", "v4")),
        ("Actions/Checkout@8f4b7f8", ActionRef(ActionKind.BUILT_IN, "actions/checkout", ".", "8f4b7f8")),
        ("actions/cache@v4", ActionRef(ActionKind.BUILT_IN, "actions/cache", ".", "v4")),
        ("actions/cache/save@v4", ActionRef(ActionKind.BUILT_IN, "actions/cache", "save", "v4")),
        ("actions/cache/deep@v4", ActionRef(ActionKind.REMOTE, "actions/cache", "deep", "v4")),
        ("acme/x/a//b/@v4", ActionRef(ActionKind.REMOTE, "acme/x", "a/b", "v4")),
        ("actions/aws/ec2@main", ActionRef(ActionKind.REMOTE, "actions/aws", "ec2", "main")),
        (
            "https://code.example/actions/checkout@v4",
            ActionRef(ActionKind.REMOTE, "actions/checkout", ".", "v4", "code.example"),
        ),
        (
            "https://data.forgejo.org/actions/checkout@v4",
            ActionRef(ActionKind.BUILT_IN, "actions/checkout", ".", "v4", "data.forgejo.org"),
        ),
        ("./", ActionRef(ActionKind.LOCAL)),
        ("./.github/actions/x/", ActionRef(ActionKind.LOCAL, path=".github/actions/x")),
        ("docker://alpine:3.8", ActionRef(ActionKind.DOCKER, "alpine:3.8")),
    ],
)
def test_a_step_names_an_action(uses: str, ref: ActionRef) -> None:
    assert parse_action_ref(uses) == ref


@pytest.mark.parametrize(
    "uses",
    [
        "actions/checkout",
        "badrepo@v1",
        "docker://",
        "docker://--privileged",
        "...docker://x",
        "./../x",
        "$$x",
        "a/b@",
        "a/b/../../c@v1",
    ],
)
def test_what_names_nothing_is_refused(uses: str) -> None:
    with pytest.raises(ValueError):
        parse_action_ref(uses)


@pytest.mark.parametrize(
    ("uses", "said"),
    [
        ("actions/checkout", "names no ref: write actions/checkout@REF"),
        ("acme/x/folder", "names no ref"),
        (".github/workflows/x.yml", "only a job can call one"),
        ("checkout", "is neither OWNER/REPO@REF"),
    ],
)
def test_what_a_step_leaves_out_is_named(uses: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_action_ref(uses)
